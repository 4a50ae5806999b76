# An independent client of the lab: Debian's python3-winrm with NTLM and message sealing. Enumerates the VMs, makes a recovery checkpoint,
# destroys it, and prints what it saw. The envelopes are written here by hand; transport, NTLM and sealing are python3-winrm's.
import sys, time, uuid
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape
from winrm.transport import Transport

ENDPOINT, USER, PASSWORD = sys.argv[1], sys.argv[2], sys.stdin.read()
NS = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/"
ANON = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
W = "{http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd}"
N = "{http://schemas.xmlsoap.org/ws/2004/09/enumeration}"
transport = Transport(endpoint=ENDPOINT, username=USER, password=PASSWORD, auth_method="ntlm",
                      message_encryption="always", server_cert_validation="ignore")
transport.build_session()
assert transport.encryption is not None


def send(action, cls, body="", selectors=()):
    chosen = "".join('<w:Selector Name="%s">%s</w:Selector>' % (k, escape(v)) for k, v in selectors)
    envelope = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
      xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>
      <a:To>%s</a:To><w:ResourceURI s:mustUnderstand="true">%s</w:ResourceURI><a:ReplyTo><a:Address s:mustUnderstand="true">%s</a:Address></a:ReplyTo>
      <a:Action s:mustUnderstand="true">%s</a:Action><w:MaxEnvelopeSize s:mustUnderstand="true">153600</w:MaxEnvelopeSize>
      <a:MessageID>uuid:%s</a:MessageID><w:OperationTimeout>PT60S</w:OperationTimeout>%s</s:Header><s:Body>%s</s:Body></s:Envelope>""" % (
        ENDPOINT, NS + cls, ANON, action, uuid.uuid4(), "<w:SelectorSet>%s</w:SelectorSet>" % chosen if chosen else "", body)
    answer = transport.send_message(envelope.encode("utf-8"))
    return ET.fromstring(answer)


def query(wql):
    filtered = '<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">%s</w:Filter>' % escape(wql)
    base = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/"
    context = send(base + "Enumerate", "*", "<n:Enumerate>%s</n:Enumerate>" % filtered).find(".//" + N + "EnumerationContext").text
    items = []
    while True:
        page = send(base + "Pull", "*", "<n:Pull><n:EnumerationContext>%s</n:EnumerationContext><n:MaxElements>100</n:MaxElements></n:Pull>" % context)
        items += list(page.find(".//" + N + "Items"))
        if page.find(".//" + N + "EndOfSequence") is not None:
            return items
        context = page.find(".//" + N + "EnumerationContext").text


def value(item, name):
    for child in item:
        if child.tag.split("}")[-1] == name:
            return child.text


def reference(cls, *keys):
    return "<a:Address>%s</a:Address><a:ReferenceParameters><w:ResourceURI>%s</w:ResourceURI><w:SelectorSet>%s</w:SelectorSet></a:ReferenceParameters>" % (
        ANON, NS + cls, "".join('<w:Selector Name="%s">%s</w:Selector>' % (k, escape(v)) for k, v in keys))


def invoke(method, body):
    cls = "Msvm_VirtualSystemSnapshotService"
    answer = send(NS + cls + "/" + method, cls, '<p:%s_INPUT xmlns:p="%s">%s</p:%s_INPUT>' % (method, NS + cls, body, method),
                  [("CreationClassName", cls)])
    output = answer.find(".//{%s}%s_OUTPUT" % (NS + cls, method))
    assert value(output, "ReturnValue") == "4096", ET.tostring(output)
    job = output.find(".//" + W + "Selector").text
    while True:
        state = send("http://schemas.xmlsoap.org/ws/2004/09/transfer/Get", "Msvm_ConcreteJob", "", [("InstanceID", job)])
        row = state.find(".//{%s}Msvm_ConcreteJob" % (NS + "Msvm_ConcreteJob"))
        if value(row, "JobState") != "4":
            assert value(row, "JobState") == "7", ET.tostring(row)
            return
        time.sleep(0.02)


machines = [m for m in query("SELECT * FROM Msvm_ComputerSystem") if value(m, "Name").count("-") == 4]
print("vms", ",".join(sorted(value(m, "ElementName") for m in machines)))
vm = machines[0]
snapshots = "SELECT * FROM Msvm_VirtualSystemSettingData WHERE VirtualSystemType = 'Microsoft:Hyper-V:Snapshot:Recovery'"
before = len(query(snapshots))
invoke("CreateSnapshot", "<p:AffectedSystem>%s</p:AffectedSystem><p:SnapshotType>32768</p:SnapshotType>" % reference(
    "Msvm_ComputerSystem", ("CreationClassName", "Msvm_ComputerSystem"), ("Name", value(vm, "Name"))))
made = query(snapshots)
print("made", len(made) - before)
invoke("DestroySnapshot", "<p:AffectedSnapshot>%s</p:AffectedSnapshot>" % reference(
    "Msvm_VirtualSystemSettingData", ("InstanceID", value(made[0], "InstanceID"))))
print("left", len(query(snapshots)) - before)
