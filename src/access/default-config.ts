/**
 * What `tallygate init` writes. Lines that begin with `#: ` are settings at their default or
 * examples: without that mark the file still compiles, which a test checks.
 */

export const defaultConfig = `# Tallygate. \`tallygate check\` validates this file, \`tallygate dev\` runs it on this machine.
# \${NAME} anywhere in a value is replaced from the environment.
version: 1

# The one process that sums the usage of all regions, keeps the keys and serves the admin API.
hub:
  listen: 127.0.0.1:8080
#:   url: https://hub.example.com      # where gateways on other machines reach it

# One gateway per region. \`operations\` serves health and metrics and must never be public.
regions:
  sydney: { listen: 127.0.0.1:8081, operations: 127.0.0.1:8181 }
  seoul: { listen: 127.0.0.1:8082, operations: 127.0.0.1:8182 }
  frankfurt: { listen: 127.0.0.1:8083, operations: 127.0.0.1:8183 }

# New keys look like api_live_…; a call carries its key in one of these places.
keys:
  prefix: api
  from: ["header:x-api-key", bearer]

# X-Forwarded-For is believed only from these proxies. Callers without a key are told apart by
# address: one IPv4 address, or one IPv6 /64, is one caller.
#: clients:
#:   trustedProxies: [10.0.0.0/8]
#:   ipv4Prefix: 32
#:   ipv6Prefix: 64

# What a gateway takes from one client: more is refused, slower is cut off.
#: listener: { bodyMax: 16MiB, headTimeout: 10s, bodyTimeout: 20s, rateMin: 500, requestTimeout: 5m }

# What a reply waits for: its charge handed to the operating system (os) or on disk (disk).
durability: os

# Where callers without a key are sent once their quota is used.
#: signup: https://example.com/signup

# The pages at /portal of the hub, where people sign up, make keys and see their usage. \`dev\` prints
# the mails; elsewhere they need a mail server.
portal:
  plan: free
  name: My API
#:   url: https://portal.example.com
#:   colors: { accent: "#0b6b57", accentDark: "#46d3ab" }
#:   links: [{ label: Terms, url: "https://example.com/terms" }]
#:   mail: { from: keys@example.com, host: smtp.example.com, user: keys, passwordFile: ./smtp-password }

# A plan is a set of limits that must all hold. \`per\` is key, owner, ip, referer, header:<name>,
# query:<name> or path:<parameter>; \`window\` is second, minute, hour, day, week, month,
# month@key (from the day the key was made) or a part such as 15m or 6h.
plans:
  anonymous:
    limits:
      - { name: day, per: ip, quota: 1500, window: day }
      - { name: burst, per: ip, quota: 20, window: second }
  free:
    limits:
      - { name: day, per: key, quota: 1500, window: day }
  pro:
    limits:
      - { name: month, per: key, quota: 100000, window: month }
      - { name: burst, per: key, quota: 100, window: second }

# The plan of calls without a key. Without this line they are refused with 401.
anonymousPlan: anonymous

# Servers behind the gateway.
upstreams:
  api:
    targets: ["http://127.0.0.1:8091"]
#:     connectTimeout: 2s
#:     responseTimeout: 30s

# What is served. A route forwards to an upstream or calls a handler, a module whose default export
# is (request: Request, call) => Response. \`cost\` is the units of one call; \`refundOn\` gives them
# back when the upstream was never reached (not-attempted) or failed (5xx).
routes:
  - { path: "/*", upstream: api, cost: 1, refundOn: [not-attempted] }
#:   - { path: "/reports/{id}", methods: [GET], upstream: api, cost: 10 }

# A gateway's local record of charges, and the hub's record of them all.
#: journal: { flushInterval: 50ms, sizeMax: 8GiB, retention: 24h }
#: stream: { checkpointInterval: 2s, publishInterval: 10ms, retention: 7d, sealInterval: 24h }
`;
