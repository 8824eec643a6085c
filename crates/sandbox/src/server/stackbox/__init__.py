"""AWS for tests: moto's WSGI application, repaired, behind a middleware that gives what AWS has and moto lacks.

| module     | what it is for |
|------------|----------------|
| wire       | HTTP/1.1 with keep-alive on a thread per connection |
| app        | the middleware: order of faults, stop, tokens, moto; one AWS request at a time |
| control    | the endpoints under /_sandbox/ |
| incoming   | service, region, action and parameters of a request in any AWS protocol |
| wrong      | AWS errors in the wire format of the service |
| clock      | the sandbox's time, also moto's; sleepers |
| states     | "pending for N seconds": transitional states on the sandbox's clock |
| tokens     | the memory of client tokens |
| faults     | faults by rule, and stop at request k |
| cbor       | Smithy RPC v2 CBOR to JSON and back, which moto does not speak |
| lifeline   | who dies with whom; fork |
| world      | an inventory of what exists |
| repairs/   | what moto gets wrong, one function per fact |

Start it by hand: `python3 PATH/server --port 5000 --detach`, with `moto[server]` installed; then
`curl -X POST 127.0.0.1:5000/_sandbox/exit` ends it.
"""
