"""A registry and a file server over TLS for the tests of modules: python3 modules_server.py DIRECTORY CERTIFICATE KEY

Prints its port. DIRECTORY/versions/NAMESPACE/NAME/SYSTEM is a list of versions, one a line, each with the address of its
package behind a blank. Everything below DIRECTORY/files is served as it is, and what is below DIRECTORY/bucket as objects of
a bucket of that name in eu-west-1. Requests are noted in DIRECTORY/log.
"""

import base64, http.server, json, os, ssl, sys, urllib.parse

root, certificate, key = sys.argv[1:4]


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        given = self.headers.get("Authorization", "")
        with open(os.path.join(root, "log"), "a") as log:
            log.write(f"{self.path} {given}\n")
        parts = path.strip("/").split("/")
        if path == "/.well-known/terraform.json":
            return self.answer(200, json.dumps({"modules.v1": "/v1/modules/"}).encode())
        if path.startswith("/v1/modules/"):
            if "private" in parts and given != "Bearer letmein":
                return self.answer(401)
            return self.registry(parts[2:])
        if path.startswith("/basic/") and given != "Basic " + base64.b64encode(b"me:pass@word").decode():
            return self.answer(401)
        if path == "/moved/m.tar.gz":
            return self.answer(302, headers=[("Location", "/m.tar.gz")])
        if path == "/elsewhere/m.zip":
            port = self.server.server_address[1]
            return self.answer(302, headers=[("Location", f"https://localhost:{port}/there/m.zip")])
        if parts[0] == "bucket":
            return self.bucket(urllib.parse.unquote(path[len("/bucket"):]).strip("/"), dict(urllib.parse.parse_qsl(query)), given)
        if path == "/page" and query == "terraform-get=1":
            return self.answer(200, b'<html><meta name="terraform-get" content="./m.zip//sub"></html>')
        if path == "/header" and query == "terraform-get=1":
            return self.answer(204, headers=[("X-Terraform-Get", "/m.tar.gz")])
        if path == "/loop":
            return self.answer(204, headers=[("X-Terraform-Get", "/loop")])
        file = os.path.join(root, "files", parts[-1])
        if not os.path.isfile(file):
            return self.answer(404)
        with open(file, "rb") as f:
            self.answer(200, f.read())

    def bucket(self, key, query, given):
        def refuse(status, code, headers=()):
            self.answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode(), headers)

        scope = given.partition("Credential=")[2].partition(",")[0].split("/")
        if not given.startswith("AWS4-HMAC-SHA256 ") or scope[0] != "AKIDMODULES" or scope[3:4] != ["s3"]:
            return refuse(403, "AccessDenied")
        if scope[2] != "eu-west-1":
            return refuse(301, "PermanentRedirect", [("x-amz-bucket-region", "eu-west-1")])
        base = os.path.join(root, "bucket")
        if query.get("list-type") == "2":
            found = [os.path.relpath(os.path.join(d, f), base) for d, _, files in os.walk(base) for f in files]
            # One for a page, so that pages count.
            found = sorted(k for k in found if k.startswith(query.get("prefix", "")))
            start = int(query.get("continuation-token", "0"))
            text = "".join(f"<Contents><Key>{k}</Key></Contents>" for k in found[start : start + 1])
            if start + 1 < len(found):
                text += f"<IsTruncated>true</IsTruncated><NextContinuationToken>{start + 1}</NextContinuationToken>"
            return self.answer(200, f"<ListBucketResult>{text}</ListBucketResult>".encode())
        if not os.path.isfile(os.path.join(base, key)):
            return refuse(404, "NoSuchKey")
        with open(os.path.join(base, key), "rb") as f:
            self.answer(200, f.read())

    def registry(self, parts):
        file = os.path.join(root, "versions", *parts[:3])
        if not os.path.isfile(file):
            return self.answer(404)
        with open(file) as f:
            versions = dict(line.split() for line in f)
        if parts[3:] == ["versions"]:
            listed = [{"version": v} for v in versions]
            return self.answer(200, json.dumps({"modules": [{"versions": listed}]}).encode())
        if len(parts) == 5 and parts[4] == "download" and parts[3] in versions:
            address = versions[parts[3]]
            if address.startswith("json:"):
                return self.answer(200, json.dumps({"location": address[5:]}).encode())
            return self.answer(204, headers=[("X-Terraform-Get", address)])
        return self.answer(404)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
