-- Asks krb5-forward-auth whether a request may pass. HAProxy has no directive for that.

local IDENTITY = { "Remote-User", "Remote-Groups" }

local function first(headers, name)
  local values = headers and headers[name:lower()]
  return values and values[0]
end

local function deny(txn, response)
  local reply = txn:reply()
  -- Without an answer (status 0) nobody is let in.
  reply:set_status(response.status >= 400 and response.status or 503)
  for _, name in ipairs({ "WWW-Authenticate", "Set-Cookie", "Retry-After" }) do
    local value = first(response.headers, name)
    if value then reply:add_header(name, value) end
  end
  txn:done(reply)
end

core.register_action("krb5_forward_auth", { "http-req" }, function(txn, destination)
  local asked = txn.http:req_get_headers()
  local headers = {
    ["x-forwarded-method"] = { txn.sf:method() },
    ["x-forwarded-uri"] = { txn.sf:pathq() },
    ["x-forwarded-host"] = { first(asked, "host") },
    ["x-forwarded-proto"] = { txn.sf:ssl_fc() == 1 and "https" or "http" },
    ["x-forwarded-for"] = { txn.sf:src() },
  }
  for _, name in ipairs({ "authorization", "cookie" }) do
    local value = first(asked, name)
    if value then headers[name] = { value } end
  end
  local response = core.httpclient():get({
    url = "http://127.0.0.1/auth",
    dst = destination,
    headers = headers,
    timeout = 10000,
  })
  if response.status ~= 200 then return deny(txn, response) end
  for _, name in ipairs(IDENTITY) do
    local value = first(response.headers, name)
    txn.http:req_del_header(name)
    if value and value ~= "" then txn.http:req_set_header(name, value) end
  end
  local proof = first(response.headers, "WWW-Authenticate")
  if proof then txn:set_var("txn.krb5_proof", proof) end
  local cookie = first(response.headers, "Set-Cookie")
  if cookie then txn:set_var("txn.krb5_cookie", cookie) end
end, 1)
