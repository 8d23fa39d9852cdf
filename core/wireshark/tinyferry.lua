-- Shows the Tinyferry protocol, version 1, in Wireshark and tshark. Written from core/PROTOCOL.md alone; the rules that
-- it follows are cited by number. README.md says how to install it.
local here = (__DIR__ == "" and "." or __DIR__) .. "/"
local frames, details = dofile(here .. "frames.lua"), dofile(here .. "details.lua")
local fields, experts, add = details.fields, details.experts, details.add
local ferry = Proto("tinyferry", "Tinyferry")
ferry.fields, ferry.experts = fields, experts
ferry.prefs.ports = Pref.range("TCP ports", "8080", "A stream without a hello is left to other dissectors", 65535)
local tcp_stream, tcp_length = Field.new("tcp.stream"), Field.new("tcp.len")

local function add_checks(tree, range, frame, at)
  add(tree, "crc", range(at, 4))
  tree:add(fields["crc.good"], range(at, 4), not frame.damaged):set_generated()
  if frame.damaged then tree:add_proto_expert_info(experts.damaged) end
end

local function add_file(tree, file)
  if file and file.path ~= "" then tree:add(fields.file, file.path):set_generated() end
end

local function add_chunk(tree, range, frame, stream, packet)
  add(tree, "low", range(1, 1))
  for _, name in ipairs({ "length", "hole", "metadata" }) do add(tree, name, range(2, 2)) end
  local summary = ("chunk of %d at %d, %d bytes"):format(frame.low, frame.position, frame.payload)
  if frame.is_hole and range:len() == frame.length and range:len() >= 28 then
    add(tree, "position", range(12, 8))
    add(tree, "zeros", range(20, 8))
    summary = ("hole of %d at %s, %s zeros"):format(frame.low, range(12, 8):le_uint64(), range(20, 8):le_uint64())
  else
    tree:add(fields.position, range(4, 4), UInt64(frame.position)):append_text(" (lowest 32 bits)")
    if range:len() > 12 then tree:add(fields.payload, range(12)) end
  end
  if frame.is_metadata then return "metadata without its signal" end
  add_file(tree, frames.newest(stream.files[frame.low], packet))
  return summary
end

local function add_signal(tree, range, frame, stream, packet)
  local is_session = frame.transfer == 0
  tree:add(fields.code, range(0, 3)):append_text(" (" .. frames.CODES[frame.code] .. ")")
  add(tree, "version", range(3, 1))
  add(tree, "transfer", range(4, 2))
  add(tree, "metadata_length", range(6, 2))
  local file = not is_session and frames.newest(stream.transfers[frame.transfer], packet)
  local is_tree = file and (file.code == "SAR" or file.code == "RAR")
  local detail = details.DETAILS[is_session and frame.code ~= "ERR" and "hello" or frame.code]
  local summary = detail(tree, range, is_tree)
  local names = { PIN = "hello", PON = "hello reply" }
  local what = is_session and names[frame.code] or frame.code
  if frame.has_metadata then
    local text = details.add_metadata(tree, range(48, frame.metadata), frame.code)
    if text ~= "" then summary = summary .. ' "' .. text:gsub("[%c\127-\255]", ".") .. '"' end
  elseif frame.metadata > 0 and not frame.damaged then
    tree:add_proto_expert_info(experts.no_metadata)
  end
  add_file(tree, not frame.has_metadata and file)
  local number = what ~= frame.code and "0 " .. what or frame.transfer
  return (frame.code .. " " .. number .. " " .. summary):gsub("%s+", " ")
end

local function add_stray(tree, range, lossy)
  local text = tree:add(ferry, range, "")
  if lossy then
    -- A string ends at a zero.
    text:add(fields.text, range, (range:raw():gsub("%z", "\\0")))
    text:add(fields.text_length, range, range:len()):set_generated()
    text:set_text("Text between frames, " .. range:len() .. " bytes")
  else
    text:add(fields.stray, range)
    text:add_proto_expert_info(experts.no_frame)
    text:set_text("No frame, " .. range:len() .. " bytes")
  end
  return lossy and "text" or "no frame"
end

local function add_found(tvb, tree, found, stream, sender, packet)
  local range = tvb(found.at, found.length)
  if found.stray then return add_stray(tree, range, found.lossy) end
  local item = tree:add(ferry, range, "")
  if range:len() < (found.chunk and 12 or 36) then -- a valid frame begins within its header
    item:add_proto_expert_info(experts.damaged)
    item:set_text("Tinyferry damaged frame, " .. range:len() .. " bytes")
    return "damaged frame"
  end
  local summary = (found.chunk and add_chunk or add_signal)(item, range, found, stream, packet)
  add_checks(item, range, found, found.chunk and 8 or 32)
  local session = frames.newest(stream.sessions, packet)
  if session then
    item:add(fields.from, session.client == sender and "client" or "server"):set_generated()
  end
  summary = (found.damaged and "damaged " or "") .. summary:gsub("%s+$", "")
  item:set_text("Tinyferry " .. summary)
  return summary
end

local streams = {}
function ferry.init() streams = {} end

local function ask_for_more(pinfo, at)
  pinfo.desegment_offset, pinfo.desegment_len = at, DESEGMENT_ONE_MORE_SEGMENT
end

-- The stream of a packet, if it has begun with a hello, and where this one begins in it.
local function stream_of(bytes, pinfo)
  local id = tcp_stream()
  id = id and id.value or tostring(pinfo.conversation)
  if streams[id] and streams[id].since <= pinfo.number then return streams[id] end
  local at, is_cut = frames.hello_at(bytes)
  if not at then return end
  if is_cut then return nil, at - 1 end
  streams[id] = { since = pinfo.number, sessions = {}, transfers = {}, files = {} }
  return streams[id]
end

local function dissect(tvb, pinfo, tree, stream)
  local sender = tostring(pinfo.src) .. " " .. pinfo.src_port
  local receiver = tostring(pinfo.dst) .. " " .. pinfo.dst_port
  local found, at = frames.scan(stream, tvb:raw(), sender, receiver, pinfo.number, not pinfo.visited)
  -- If the incomplete frame begins in an earlier packet, all these bytes come again with the next one.
  local own = tcp_length()
  local again = at < tvb:len() and pinfo.can_desegment > 0 and own and at <= tvb:len() - own.value
  if at < tvb:len() and pinfo.can_desegment > 0 then ask_for_more(pinfo, again and 0 or at) end
  if again then return end
  local is_first = tostring(pinfo.cols.protocol) ~= "TINYFERRY"
  pinfo.cols.protocol = "TINYFERRY"
  local summaries = {}
  for _, one in ipairs(found) do
    local summary = add_found(tvb, tree, one, stream, sender, pinfo.number)
    if #summaries < 9 then summaries[#summaries + 1] = #summaries < 8 and summary or "…" end
  end
  local info = table.concat(summaries, "; ")
  if is_first then pinfo.cols.info = info elseif info ~= "" then pinfo.cols.info:append("; " .. info) end
end

local others = {}
function ferry.dissector(tvb, pinfo, tree)
  local stream, cut = stream_of(tvb:raw(), pinfo)
  if stream then return dissect(tvb, pinfo, tree, stream) end
  local other = others[pinfo.dst_port] or others[pinfo.src_port]
  if cut and (cut == 0 or tvb:len() - cut >= 8) and pinfo.can_desegment > 0 then return ask_for_more(pinfo, cut) end
  if not other then return 0 end
  -- An exception of the other dissector, as of a malformed packet, is in the tree already.
  local is_dissected, length = pcall(other.call, other, tvb, pinfo, tree)
  return is_dissected and length or tvb:len()
end

ferry:register_heuristic("tcp", function(tvb, pinfo, tree)
  local stream = stream_of(tvb:raw(), pinfo)
  if not stream then return false end
  pinfo.conversation = ferry
  dissect(tvb, pinfo, tree, stream)
  return true
end)

-- The ports of the preferences. Another dissector of a port gets the streams that have no hello.
local ports, tcp_ports = nil, DissectorTable.get("tcp.port")
local function register_ports()
  if ports then tcp_ports:remove(ports, ferry) end
  ports, others = ferry.prefs.ports, {}
  for first, last in ports:gmatch("(%d+)-?(%d*)") do
    for port = tonumber(first), tonumber(last) or tonumber(first) do others[port] = tcp_ports:get_dissector(port) end
  end
  if ports ~= "" then tcp_ports:add(ports, ferry) end
end
ferry.prefs_changed = register_ports
register_ports()
tcp_ports:add_for_decode_as(ferry)
