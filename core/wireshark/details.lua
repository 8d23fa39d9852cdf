-- The fields of the packet tree, and what each code and each tag adds to it. It knows no stream.
local REASONS = {
  "busy", "no common version", "not found", "permission denied", "is a directory", "is not a directory",
  "neither a file nor a directory", "the path is not allowed", "the name is too long", "no space is left", "too large",
  "storage failed", "the source changed", "the prefix has other content", "the digest differs", "incomplete",
  "receives no files", "sends no files", "not allowed", "unknown feature", "the server shuts down", "gave up",
  "a key is needed", "another transfer writes the file", "the path is too deep", "the root cannot be reached",
  "is a symbolic link", "the directory is not empty", "the file exists", "excluded",
}
local OPERATIONS = { "stat", "remove", "rename", "symbolic link", "hard link" }

local fields = {}
local function field(kind, name, label, ...)
  fields[name] = ProtoField[kind]("tinyferry." .. name, label, ...)
end
field("string", "code", "Code")
field("string", "from", "Sender")
field("uint8", "version", "Version")
field("uint16", "transfer", "Transfer")
field("uint16", "metadata_length", "Length of the metadata")
field("uint64", "position", "Position")
field("uint32", "crc", "CRC-32", base.HEX)
field("bool", "crc.good", "CRC-32 is right")
field("uint32", "session", "Session number", base.HEX)
field("uint8", "hello.version", "Highest version, or the chosen one")
field("bool", "hello.lossy", "The link is lossy", 8, nil, 1)
field("bool", "hello.half_duplex", "Half-duplex", 8, nil, 2)
field("bool", "hello.sha256", "SHA-256", 16, nil, 1)
field("bool", "hello.holes", "Holes", 16, nil, 2)
field("uint16", "hello.payload", "Largest payload of a chunk")
field("uint16", "hello.block", "Block in bytes")
field("uint16", "credit", "Credit", base.DEC, nil, 0x7FFF)
field("uint64", "size", "Size")
field("absolute_time", "modified", "Last modification", base.UTC)
field("uint64", "entries", "Entries")
field("uint64", "bytes", "Bytes in all entries")
field("uint64", "left_out", "Entries left out")
field("bool", "names_only", "Names only", 8, nil, 1)
field("uint16", "count", "Count")
field("uint64", "digest", "CRC-64", base.HEX)
field("uint16", "reason", "Reason", base.DEC, REASONS)
field("bool", "waiting", "The sender waits for more content", 16, nil, 1)
field("bool", "prefix", "A digest of the prefix follows", 16, nil, 0x8000)
field("bytes", "sack", "SACK map")
field("uint8", "sack.blocks", "Blocks received ahead of the position")
field("string", "path", "Path")
field("string", "message", "Message")
field("string", "file", "Path of this transfer")
field("uint32", "mode", "Permission bits", base.OCT)
field("bytes", "sha256", "SHA-256")
field("uint64", "content", "Bytes in no hole")
field("uint8", "operation", "Operation", base.DEC, OPERATIONS)
field("string", "argument", "Old path or target")
field("bytes", "query", "Query")
field("bytes", "index", "Index")
field("bytes", "options", "Options")
field("string", "pattern", "Pattern")
field("bytes", "tag", "Unknown tag")
field("uint8", "low", "Low byte of the transfer")
field("uint16", "length", "Length", base.DEC, nil, 0x7FF)
field("bool", "hole", "Hole", 16, nil, 0x0800)
field("bool", "metadata", "Metadata", 16, nil, 0x8000)
field("uint64", "zeros", "Zeros")
field("bytes", "payload", "Payload")
field("string", "text", "Text between frames")
field("uint32", "text_length", "Length of the text")
field("bytes", "stray", "Bytes that are no frame")

local experts = {}
local function notice(name, label, group, severity)
  experts[name] = ProtoExpert.new("tinyferry." .. name, label, expert.group[group], expert.severity[severity])
end
notice("damaged", "Damaged frame: its CRC-32 is wrong (R2)", "CHECKSUM", "ERROR")
notice("no_metadata", "The metadata is missing or damaged (R13)", "SEQUENCE", "WARN")
notice("no_frame", "Bytes that are no frame end a session on a reliable link (R68)", "MALFORMED", "ERROR")
notice("refused", "The transfer or the session ends with a reason", "RESPONSE_CODE", "NOTE")
notice("bad_path", "The path is not allowed (R15)", "PROTOCOL", "WARN")
notice("cut_tag", "A tag is cut short (R14)", "MALFORMED", "WARN")

local function add(tree, name, range, ...) return tree:add_le(fields[name], range, ...) end
local function add_text(tree, name, range) return tree:add(fields[name], range, range:string(ENC_UTF_8)) end

-- A number of 64 bits, of which one value means "not known".
local function add_known(tree, name, range, unknown)
  if range:bytes():tohex() == unknown then
    tree:add(range, "Not known: " .. name):set_generated()
  else
    add(tree, name, range)
  end
end
local NO_SIZE, NO_TIME = "FFFFFFFFFFFFFFFF", "0000000000000080"

local function add_time(tree, range)
  if range:bytes():tohex() == NO_TIME then return end
  local nanoseconds, unit = range:le_int64(), Int64(1000000000)
  local seconds, rest = nanoseconds / unit, nanoseconds % unit
  if rest < Int64(0) then seconds, rest = seconds - Int64(1), rest + unit end
  tree:add(fields.modified, range, NSTime.new(seconds:tonumber(), rest:tonumber()))
end

-- R15
local function is_allowed(path, may_be_directory)
  if may_be_directory then path = path:gsub("/$", "") end
  if #path > 960 or path:find("[%z\1-\31\127]") or path:find("\194[\128-\159]") then return false end
  for name in (path .. "/"):gmatch("([^/]*)/") do
    if name == "" or name == "." or name == ".." or #name > 255 then return false end
  end
  return true
end

local function add_operation(tree, value)
  add(tree, "operation", value(0, 1))
  local rest = value:len() > 1 and value(1)
  if not rest then return end
  if value(0, 1):uint() == 1 then tree:add(fields.query, rest) else add_text(tree, "argument", rest) end
end

-- The tags behind the text, with their lengths.
local TAGS = {
  [1] = { 4, function(tree, value) add(tree, "mode", value) end },
  [2] = { 32, function(tree, value) tree:add(fields.sha256, value) end },
  [3] = { 8, add_time },
  [5] = { nil, function(tree, value) tree:add(fields.index, value) end },
  [6] = { 8, function(tree, value) add(tree, "content", value) end },
  [0x80] = { nil, add_operation },
  [0x81] = { nil, function(tree, value) tree:add(fields.options, value) end },
  [0x82] = { nil, function(tree, value) add_text(tree, "pattern", value) end },
}

-- The text of the metadata; its tags go into the tree.
local function add_metadata(tree, range, code)
  local bytes = range:raw()
  local text = bytes:match("^%Z*")
  if text ~= "" then add_text(tree, code == "ERR" and "message" or "path", range(0, #text)) end
  if code ~= "ERR" and text ~= "" and not is_allowed(text, code == "SAF") then
    tree:add_proto_expert_info(experts.bad_path)
  end
  local at = #text + 1
  while at < #bytes do
    local length = bytes:byte(at + 2)
    if not length or at + 2 + length > #bytes then return text, tree:add_proto_expert_info(experts.cut_tag) end
    local tag, value = TAGS[bytes:byte(at + 1)], length > 0 and range(at + 2, length)
    if tag and value and (not tag[1] or tag[1] == length) then
      tag[2](tree, value)
    else
      tree:add(fields.tag, range(at, 2 + length))
    end
    at = at + 2 + length
  end
  return text
end

-- Position and detail of each code (section 3). Each returns a text for the summary.
local DETAILS = {}
function DETAILS.hello(tree, range)
  add(tree, "session", range(16, 4))
  add(tree, "hello.version", range(20, 1))
  for _, name in ipairs({ "lossy", "half_duplex" }) do add(tree, "hello." .. name, range(21, 1)) end
  for _, name in ipairs({ "sha256", "holes" }) do add(tree, "hello." .. name, range(22, 2)) end
  add(tree, "hello.payload", range(24, 2))
  tree:add(fields["hello.block"], range(26, 1), 256 * 2 ^ math.min(range(26, 1):uint(), 7))
  add(tree, "credit", range(28, 2))
  return range(21, 1):uint() % 2 == 1 and "lossy" or "reliable"
end
function DETAILS.SAF(tree, range)
  add(tree, "position", range(8, 8)):append_text(" (resume)")
  add_known(tree, "size", range(16, 8), NO_SIZE)
  add_time(tree, range(24, 8))
  return ""
end
function DETAILS.SAR(tree, range)
  add_known(tree, "entries", range(16, 8), NO_SIZE)
  add_known(tree, "bytes", range(24, 8), NO_SIZE)
  return ""
end
function DETAILS.RAF(tree, range)
  add(tree, "names_only", range(16, 1))
  return ""
end
DETAILS.RAR = DETAILS.RAF
function DETAILS.CLS() return "" end
function DETAILS.DON(tree, range, is_tree)
  add(tree, is_tree and "entries" or "size", range(8, 8))
  add(tree, "count", range(16, 2))
  add(tree, is_tree and "left_out" or "digest", range(24, 8))
  return is_tree and "entries " .. range(8, 8):le_uint64() or "size " .. range(8, 8):le_uint64()
end
function DETAILS.ERR(tree, range)
  add(tree, "position", range(8, 8))
  local reason = range(16, 2):le_uint()
  add(tree, "reason", range(16, 2))
  if range(4, 2):le_uint() == 0 then add(tree, "session", range(20, 4)) end
  local text = "reason " .. reason .. (REASONS[reason] and ", " .. REASONS[reason] or "")
  tree:add_proto_expert_info(experts.refused, "Ended: " .. text)
  return text
end
function DETAILS.PIN(tree, range)
  add(tree, "position", range(8, 8)):append_text(" (sent)")
  add(tree, "count", range(16, 2))
  add(tree, "waiting", range(18, 2))
  return "count " .. range(16, 2):le_uint()
end
function DETAILS.PON(tree, range)
  add(tree, "position", range(8, 8))
  add(tree, "credit", range(16, 2))
  add(tree, "prefix", range(16, 2))
  add(tree, "count", range(18, 2))
  if range(16, 2):le_uint() >= 0x8000 then
    add(tree, "digest", range(20, 8))
    return "prefix " .. range(8, 8):le_uint64()
  end
  tree:add(fields.sack, range(20, 12))
  local blocks = 0
  for at = 20, 31 do
    local byte = range(at, 1):uint()
    while byte > 0 do blocks, byte = blocks + byte % 2, math.floor(byte / 2) end
  end
  tree:add(fields["sack.blocks"], range(20, 12), blocks):set_generated()
  return "position " .. range(8, 8):le_uint64()
end


return { fields = fields, experts = experts, add = add, DETAILS = DETAILS, add_metadata = add_metadata }
