# An independent client of the lab: MIT Kerberos' own gss_wrap_iov and gss_unwrap_iov, which WinRM clients of Linux seal with. Asks for the
# computer systems over HTTP and prints the length of the seal's header and their names.
import base64, http.client, struct, sys, urllib.parse
import xml.etree.ElementTree as ET
import gssapi
from gssapi.raw import IOV, IOVBufferType, acquire_cred_with_password, unwrap_iov, wrap_iov

url, user, password = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2], sys.stdin.read()
krb5 = gssapi.OID.from_int_seq("1.2.840.113554.1.2.2")
name = gssapi.Name(user, gssapi.NameType.kerberos_principal)
creds = acquire_cred_with_password(name, password.encode(), usage="initiate", mechs=[krb5]).creds
flags = gssapi.RequirementFlag.mutual_authentication | gssapi.RequirementFlag.confidentiality | gssapi.RequirementFlag.integrity
context = gssapi.SecurityContext(name=gssapi.Name("HTTP@localhost", gssapi.NameType.hostbased_service), creds=gssapi.Credentials(creds),
                                 mech=krb5, flags=flags, usage="initiate")
connection = http.client.HTTPConnection(url.hostname, url.port)


def post(body, **headers):
    connection.request("POST", url.path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    return answer, answer.read()


token = context.step()
answer, _ = post(b"", Authorization="Negotiate " + base64.b64encode(token).decode(), Content_Type="application/soap+xml;charset=UTF-8")
assert answer.status == 200, answer.status
context.step(base64.b64decode(answer.headers["WWW-Authenticate"].split(" ")[1]))
assert context.complete

NS = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/"
BASE = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/"
PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
TYPE = 'multipart/encrypted;protocol="%s";boundary="Encrypted Boundary"' % PROTOCOL


def send(action, body):
    soap = ("""<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
      xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>
      <w:ResourceURI>%sMsvm_ComputerSystem</w:ResourceURI><a:Action>%s</a:Action><a:MessageID>uuid:1</a:MessageID></s:Header>
      <s:Body>%s</s:Body></s:Envelope>""" % (NS, BASE + action, body)).encode()
    message = IOV((IOVBufferType.header, True, None), (IOVBufferType.data, False, soap), (IOVBufferType.padding, True, None), std_layout=False)
    assert wrap_iov(context, message, confidential=True)
    header, data, padding = message[0].value, message[1].value, message[2].value or b""
    text = ("--Encrypted Boundary\r\n\tContent-Type: %s\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n"
            "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n" % (PROTOCOL, len(soap) + len(padding))).encode()
    answer, body = post(text + struct.pack("<i", len(header)) + header + data + padding + b"--Encrypted Boundary--\r\n", Content_Type=TYPE)
    assert answer.status == 200 and answer.headers["Content-Type"] == TYPE, (answer.status, body)
    sealed = body.split(b"octet-stream\r\n", 1)[1][:-len(b"--Encrypted Boundary--\r\n")]
    length, = struct.unpack("<i", sealed[:4])
    opened = IOV((IOVBufferType.header, False, sealed[4:4 + length]), (IOVBufferType.data, False, sealed[4 + length:]), std_layout=False)
    assert unwrap_iov(context, opened).encrypted
    return length, ET.fromstring(opened[1].value)


length, answer = send("Enumerate", "<n:Enumerate/>")
print("header", length)
names, found = "{http://schemas.xmlsoap.org/ws/2004/09/enumeration}", []
while True:
    context_id = answer.find(".//" + names + "EnumerationContext").text
    _, answer = send("Pull", "<n:Pull><n:EnumerationContext>%s</n:EnumerationContext><n:MaxElements>10</n:MaxElements></n:Pull>" % context_id)
    found += [e.text for e in answer.iter("{%sMsvm_ComputerSystem}ElementName" % NS)]
    if answer.find(".//" + names + "EndOfSequence") is not None:
        break
print(",".join(sorted(found)))
