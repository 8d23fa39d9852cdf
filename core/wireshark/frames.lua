-- The frames of a Tinyferry stream: where they begin and end, their checks, and the sessions and paths that they state.
-- It knows no packet tree. `tinyferry.lua` loads it.
local bit = bit or bit32
local band, bxor, bnot, rshift = bit.band, bit.bxor, bit.bnot, bit.rshift

local CODES = {
  SAF = "send a file", SAR = "send all", RAF = "request a file", RAR = "request all", CLS = "close",
  DON = "done", ERR = "error", PIN = "ping", PON = "pong",
}
local SIGNAL, HEADER = 36, 12
local crcs = {}
for index = 0, 255 do
  local crc = index
  for _ = 1, 8 do crc = bxor(rshift(crc, 1), band(crc, 1) == 1 and 0xEDB88320 or 0) end
  crcs[index] = crc
end

local function crc32(bytes, seed)
  local crc = bnot(seed)
  for at = 1, #bytes do crc = bxor(crcs[band(bxor(crc, bytes:byte(at)), 255)], rshift(crc, 8)) end
  return bnot(crc)
end

-- The little-endian number of `size` bytes at an offset; bytes past the end are 0.
local function number(bytes, at, size)
  local value = 0
  for index = at + size, at + 1, -1 do value = value * 256 + (bytes:byte(index) or 0) end
  return value
end

-- Values, each with the number of the packet from which on it holds: packets are dissected again in any order.
local function remember(history, packet, value) history[#history + 1] = { packet = packet, value = value } end
local function newest(history, packet)
  local index = history and #history or 0
  while index > 0 and history[index].packet > packet do index = index - 1 end
  return index > 0 and history[index].value or nil, index
end

-- The seed of R2 for a frame of `sender`, or nil if no session of the stream explains its CRC-32. A frame that was on
-- its way belongs to the session before.
local function seed_of(stream, sender, packet, transfer, covered, crc)
  local candidates, _, index = { 0 }, newest(stream.sessions, packet)
  if transfer ~= 0 then
    candidates = {}
    for back = index, math.max(index - 3, 1), -1 do
      local session = stream.sessions[back] and stream.sessions[back].value
      if session then
        candidates[#candidates + 1] = session.client == sender and session.number or bnot(session.number)
      end
    end
  end
  for _, seed in ipairs(candidates) do
    if band(crc32(covered, seed), -1) == band(crc, -1) then return seed end
  end
end

-- What begins at an offset: "frame" and "damaged" with its fields, "incomplete", or nil.
local function chunk_at(stream, s, at, sender, packet, lossy)
  local left = #s - at
  if left < HEADER then return "incomplete" end
  local bits, low, position = number(s, at + 2, 2), s:byte(at + 2), number(s, at + 4, 4)
  local frame = { chunk = true, at = at, low = low, position = position, is_metadata = bits >= 0x8000,
    is_hole = bits == 0x0810, payload = band(bits, 0x7FF) }
  local is_header = frame.is_hole or band(bits, 0x7800) == 0 and frame.payload >= 1 and frame.payload <= 1024
  local is_plausible = not frame.is_metadata and newest(stream.files[low], packet)
    or frame.is_metadata and position == 0
  if not is_header or lossy and not is_plausible then return end
  frame.length = HEADER + frame.payload
  if left < frame.length then return "incomplete" end
  local covered = s:sub(at + 1, at + 8) .. s:sub(at + 13, at + frame.length)
  local crc = number(s, at + 8, 4)
  frame.seed = seed_of(stream, sender, packet, 1, covered, crc)
  if not frame.seed and frame.is_metadata then frame.seed = seed_of(stream, sender, packet, 0, covered, crc) end
  return frame.seed and "frame" or "damaged", frame
end

local function signal_at(stream, s, at, sender, packet)
  local left, code = #s - at, s:sub(at + 1, at + 3)
  if #code < 3 then
    for name in pairs(CODES) do if name:sub(1, #code) == code then return "incomplete" end end
  end
  if not CODES[code] then return end
  if left < 8 then return "incomplete" end
  local frame = { at = at, code = code, version = s:byte(at + 4), transfer = number(s, at + 4, 2), length = SIGNAL,
    metadata = number(s, at + 6, 2) }
  local is_session = frame.transfer == 0
  if frame.metadata > 1024 or not is_session and frame.version ~= 1 then return end
  if is_session and code ~= "PIN" and code ~= "PON" and code ~= "ERR" then return end
  if left < SIGNAL then return "incomplete" end
  frame.seed = seed_of(stream, sender, packet, frame.transfer, s:sub(at + 1, at + 32), number(s, at + 32, 4))
  if not frame.seed then return frame.version == 1 and "damaged" or nil, frame end
  if frame.metadata > 0 then
    if left == SIGNAL then return "incomplete" end
    local verdict, chunk
    if s:byte(at + SIGNAL + 1) == 0xFA then
      verdict, chunk = chunk_at(stream, s, at + SIGNAL, sender, packet, true)
      if verdict == "incomplete" then return verdict end
    end
    frame.has_metadata = verdict == "frame" and chunk.is_metadata and chunk.payload == frame.metadata
      and chunk.low == frame.transfer % 256
    if frame.has_metadata then frame.length = SIGNAL + chunk.length end
  end
  return "frame", frame
end

local function frame_at(stream, s, at, sender, packet, lossy)
  if s:byte(at + 1) == 0xFA then return chunk_at(stream, s, at, sender, packet, lossy) end
  return signal_at(stream, s, at, sender, packet)
end

-- Sessions, and the path of each transfer: under its number, and under its low byte for chunks.
local function learn(stream, s, frame, sender, receiver, packet)
  local at = frame.at
  if frame.transfer == 0 and (frame.code == "PIN" or frame.code == "PON") then
    local old, value = newest(stream.sessions, packet), number(s, at + 16, 4)
    local client = frame.code == "PIN" and sender or receiver
    local lossy = s:byte(at + 22) % 2 == 1
    if value == 0 or old and old.number == value and old.lossy == lossy then return end
    remember(stream.sessions, packet, { number = value, client = client, lossy = lossy })
  elseif frame.code == "SAF" or frame.code == "SAR" or frame.code == "RAF" or frame.code == "RAR" then
    local payload = frame.has_metadata and s:sub(at + 49, at + 48 + frame.metadata) or ""
    local file = { code = frame.code, path = payload:match("^%Z*") }
    for _, files in ipairs({ stream.transfers, stream.files }) do
      local key = files == stream.files and frame.transfer % 256 or frame.transfer
      files[key] = files[key] or {}
      remember(files[key], packet, file)
    end
  end
end

-- The frames and the bytes between them, and the offset of an incomplete frame at the end.
local function scan(stream, s, sender, receiver, packet, is_new)
  local found, at, stray, lossy = {}, 0, nil, true
  local function close()
    if stray then found[#found + 1] = { stray = true, at = stray, length = at - stray, lossy = lossy } end
    stray = nil
  end
  while at < #s do
    local session = newest(stream.sessions, packet)
    lossy = not session or session.lossy
    local verdict, frame = frame_at(stream, s, at, sender, packet, lossy)
    if verdict == "incomplete" then break end
    if verdict == "damaged" then -- it ends sooner where a valid frame begins (R98)
      for inner = at + 1, at + frame.length - 1 do
        if frame_at(stream, s, inner, sender, packet, lossy) == "frame" then frame.length = inner - at break end
      end
    end
    if verdict then
      close()
      frame.damaged, frame.lossy = verdict == "damaged", lossy
      found[#found + 1] = frame
      if is_new and not frame.damaged then learn(stream, s, frame, sender, receiver, packet) end
      at = at + frame.length
    else
      stray, at = stray or at, at + 1
    end
  end
  close()
  return found, at
end

-- The offset of the first hello, or of its beginning at the end of the bytes.
local function hello_at(s)
  local at = 0
  while true do
    at = s:find("P", at + 1, true)
    if not at then return end
    local head = s:sub(at, at + 15)
    local is_head = ("PIN"):sub(1, #head) == head:sub(1, 3) and head:sub(5) == ("\0"):rep(math.max(#head - 4, 0))
    if is_head then
      if #s - at + 1 < SIGNAL then return at, true end
      if band(crc32(s:sub(at, at + 31), 0), -1) == band(number(s, at + 31, 4), -1) then return at end
    end
  end
end

return { CODES = CODES, number = number, newest = newest, scan = scan, hello_at = hello_at }
