-- Sends prepared requests, each with an id that was never sent before.
--
-- wrk -t1 … -s wrk.lua URL -- PREFIX FILE [SECOND LAG]
--
-- A line of FILE is `METHOD path body`; each @ in path or body becomes the request's id, which has
-- the same width every time, so that head and length are made once. PREFIX holds a number, which
-- says at which line to begin. With SECOND, every other
-- request after the first LAG is made from it, with the id of the request LAG before: LAG is many
-- times the number of connections, so that one was answered long ago.

local concat, format = table.concat, string.format
local threads = {}
local first, second, count, lag, prefix, offset = {}, nil, 0, 0, "", 0
sent, ready_s = 0, 0 -- global: read by done() from outside

local function pieces(line)
  local method, path, body = line:match("^(%S+) (%S+) ?(.*)$")
  local _, ids = body:gsub("@", "")
  local head = { method .. " " .. path .. " HTTP/1.1" }
  for name, value in pairs(wrk.headers) do
    head[#head + 1] = name .. ": " .. value
  end
  if #body > 0 then
    head[#head + 1] = "Content-Length: " .. (#body + ids * (#prefix + 9 - 1))
  end
  local parts = {}
  for part in (concat(head, "\r\n") .. "\r\n\r\n" .. body .. "@"):gmatch("([^@]*)@") do
    parts[#parts + 1] = part
  end
  return parts
end

local function read(path)
  local found = {}
  for line in io.lines(path) do
    found[#found + 1] = pieces(line)
  end
  return found
end

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  prefix = args[1]
  offset = tonumber(prefix:match("%d+")) * 104729
  first = read(args[2])
  count = #first
  if args[3] then
    second, lag = read(args[3]), tonumber(args[4])
  end
  ready_s = os.clock() -- CPU of the process: what follows is the load itself
end

function request()
  sent = sent + 1
  if second and sent > lag and sent % 2 == 1 then
    return concat(second[1], prefix .. format("%09d", sent - lag))
  end
  return concat(first[(sent + offset) % count + 1], prefix .. format("%09d", sent))
end

function done(summary, latency)
  local asked, cpu_s, e = 0, os.clock(), summary.errors
  for _, thread in ipairs(threads) do
    asked, cpu_s = asked + thread:get("sent"), cpu_s - thread:get("ready_s")
  end
  io.write(format('RESULT {"requests":%d,"sent":%d,"us":%d,"refused":%d,"broken":%d,',
    summary.requests, asked, summary.duration, e.status, e.connect + e.read + e.write + e.timeout))
  io.write(format('"cpu_s":%.3f,', cpu_s))
  io.write(format('"p50_us":%d,"p99_us":%d,"p999_us":%d,"max_us":%d}\n',
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
end
