using System.Text;
using System.Xml.Linq;

namespace Stillpoint.Lab;

/// <summary>Answers WS-Management requests from the CIM repository and the methods.</summary>
internal sealed class WsManService(CimSchema schema, CimRepository repository, MethodTable methods, SoapWriter writer, EnumerationStore enumerations)
{
    private const int HeaderRoom = 2048;

    /// <summary>Reads one request and answers it.</summary>
    /// <param name="body">The envelope's bytes.</param>
    /// <param name="isFault">True when the answer is a fault.</param>
    public string Answer(Stream body, out bool isFault)
    {
        isFault = false;
        var messageId = "";
        try
        {
            var request = SoapRequest.Parse(body);
            messageId = request.MessageId;
            var answer = Dispatch(request);
            return Encoding.UTF8.GetByteCount(answer) <= request.MaxEnvelopeSize ? answer : throw SoapFault.EncodingLimit();
        }
        catch (SoapFault fault)
        {
            isFault = true;
            return writer.Fault(fault, messageId);
        }
        catch (CimException error)
        {
            isFault = true;
            return writer.Fault(SoapFault.From(error), messageId);
        }
    }

    /// <summary>A fault in place of an answer.</summary>
    public string Refuse(SoapFault fault) => writer.Fault(fault, "");

    private string Dispatch(SoapRequest request)
    {
        if (request.Body?.Name == Soap.Identity + "Identify") return Identify(request);
        return request.Action switch
        {
            Soap.TransferAction + "Get" => Get(request),
            Soap.EnumerationAction + "Enumerate" => Enumerate(request),
            Soap.EnumerationAction + "Pull" => Pull(request),
            Soap.EnumerationAction + "Release" => Release(request),
            var action when action.StartsWith(request.ResourceUri + "/", StringComparison.OrdinalIgnoreCase) && request.ResourceUri.Length > 0 =>
                Invoke(request, action[(request.ResourceUri.Length + 1)..]),
            _ => throw SoapFault.Action(),
        };
    }

    private string Identify(SoapRequest request) => writer.Envelope(SoapWriter.Kind.Method, "", request.MessageId,
        $"<wsmid:IdentifyResponse xmlns:wsmid=\"{Soap.Identity}\">"
        + "<wsmid:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</wsmid:ProtocolVersion>"
        + "<wsmid:ProductVendor>Stillpoint</wsmid:ProductVendor><wsmid:ProductVersion>Lab</wsmid:ProductVersion></wsmid:IdentifyResponse>");

    private string Get(SoapRequest request)
    {
        var @class = RequireClass(request.ClassName);
        if (request.Selectors.Count == 0) throw SoapFault.Keys();
        if (request.Selectors.Any(s => @class.Find(s.Name) is not { IsKey: true } && s.Name != "__cimnamespace")) throw SoapFault.Selectors();
        var instance = repository.Get(@class.Name, Keys(request));
        return writer.Envelope(SoapWriter.Kind.Transfer, Soap.TransferAction + "GetResponse", request.MessageId, SoapWriter.Instance(instance));
    }

    private string Enumerate(SoapRequest request)
    {
        var body = request.Body is { } element && element.Name == Soap.N + "Enumerate"
            ? element
            : throw SoapFault.Schema("the body holds no Enumerate");
        var items = new Queue<string>(Items(request, body));
        var optimized = body.Element(Soap.W + "OptimizeEnumeration") is not null;
        var context = writer.NewUuid();
        if (!optimized)
        {
            enumerations.Add(context, items);
            return EnumerateResponse(request, $"<n:EnumerationContext>{context}</n:EnumerationContext>");
        }
        // Hosts from 2008 R2 on put one item here, however many MaxElements allows (recorded, zenoss/txwinrm).
        var first = items.TryDequeue(out var item) ? item : "";
        if (Encoding.UTF8.GetByteCount(first) + HeaderRoom > request.MaxEnvelopeSize) throw SoapFault.EncodingLimit();
        if (items.Count == 0)
        {
            return EnumerateResponse(request, $"<n:EnumerationContext></n:EnumerationContext><w:Items>{first}</w:Items><w:EndOfSequence/>");
        }
        enumerations.Add(context, items);
        return EnumerateResponse(request, $"<n:EnumerationContext>{context}</n:EnumerationContext><w:Items>{first}</w:Items>");
    }

    private string EnumerateResponse(SoapRequest request, string content) => writer.Envelope(
        SoapWriter.Kind.Enumeration, Soap.EnumerationAction + "EnumerateResponse", request.MessageId,
            $"<n:EnumerateResponse>{content}</n:EnumerateResponse>");

    private IEnumerable<string> Items(SoapRequest request, XElement body)
    {
        var filter = body.Element(Soap.W + "Filter");
        var (instances, projection) = filter is null ? (repository.Instances(request.ClassName), []) : Filtered(request, filter);
        var mode = body.Element(Soap.W + "EnumerationMode")?.Value.Trim();
        return instances.Select(i => mode switch
        {
            "EnumerateEPR" => SoapWriter.Reference(i.Path),
            "EnumerateObjectAndEPR" => $"<w:Item>{SoapWriter.Instance(i)}{SoapWriter.Reference(i.Path)}</w:Item>",
            _ => projection.Count == 0 ? SoapWriter.Instance(i) : SoapWriter.Fragment(i, projection),
        }).ToArray();
    }

    private (IReadOnlyList<CimInstance> Instances, IReadOnlyList<string> Projection) Filtered(SoapRequest request, XElement filter)
    {
        switch ((string?)filter.Attribute("Dialect"))
        {
            case Soap.WqlDialect:
                if (request.ClassName != "*" || request.Selectors.Any(s => s.Name != "__cimnamespace")) throw SoapFault.NeedsStar();
                return Query(WqlParser.Parse(filter.Value.Trim()), request.IsCimv2);
            case Soap.SelectorDialect:
                var wanted = SoapRequest.ReadSelectors(filter.Element(Soap.W + "SelectorSet"));
                var all = repository.Instances(request.ClassName);
                return ([.. all.Where(i => wanted.All(s => new WqlCondition.Compare(s.Name, "=", s.Value).Holds(i)))], []);
            case Soap.AssociationDialect:
                return (Associated(filter), []);
            default:
                throw SoapFault.Filter("The WS-Management service cannot process the request because the filter dialect is not supported. ");
        }
    }

    private (IReadOnlyList<CimInstance>, IReadOnlyList<string>) Query(Wql query, bool cimv2) => query switch
    {
        Wql.Select select when Soap.IsCimv2(select.ClassName) != cimv2 => throw new CimException(CimException.InvalidClass, "Invalid class "),
        Wql.Select select => ([.. repository.Instances(select.ClassName).Where(i => select.Where?.Holds(i) ?? true)], select.Properties),
        Wql.Related { ReferencesOnly: true } related => (repository.References(related.Source, related.Filter), []),
        Wql.Related related => (repository.Associators(related.Source, related.Filter), []),
        _ => throw new CimException(CimException.InvalidQuery, "Invalid query "),
    };

    private IReadOnlyList<CimInstance> Associated(XElement filter)
    {
        var kind = filter.Elements().FirstOrDefault() ?? throw SoapFault.Filter("the association filter is empty");
        var source = SoapRequest.ReadReference(kind.Element(Soap.Wsmb + "Object")
            ?? throw SoapFault.Filter("the association filter names no object"));
        string? Part(string name) => kind.Element(Soap.Wsmb + name)?.Value.Trim() is { Length: > 0 } text ? text : null;
        var wanted = new AssociationFilter(Part("AssociationClassName"), Part("ResultClassName"), Part("Role"), Part("ResultRole"));
        return kind.Name.LocalName switch
        {
            "AssociatedInstances" => repository.Associators(source, wanted),
            "AssociationInstances" => repository.References(source, wanted),
            _ => throw SoapFault.Filter("the association filter is not one"),
        };
    }

    private string Pull(SoapRequest request)
    {
        var body = request.Body is { } element && element.Name == Soap.N + "Pull" ? element : throw SoapFault.Schema("the body holds no Pull");
        var context = body.Element(Soap.N + "EnumerationContext")?.Value.Trim() ?? "";
        // Without MaxElements a host sends one item a Pull (recorded).
        var most = 1;
        if (body.Element(Soap.N + "MaxElements") is { } given && !(int.TryParse(given.Value.Trim(), out most) && most > 0))
        {
            throw SoapFault.Schema("MaxElements is not a number above 0");
        }
        var items = enumerations.Take(context, most, request.MaxEnvelopeSize - HeaderRoom, out var ended);
        var content = ended
            ? $"<n:Items>{string.Concat(items)}</n:Items><n:EndOfSequence/>"
            : $"<n:EnumerationContext>{context}</n:EnumerationContext><n:Items>{string.Concat(items)}</n:Items>";
        return writer.Envelope(
            SoapWriter.Kind.Enumeration, Soap.EnumerationAction + "PullResponse", request.MessageId, $"<n:PullResponse>{content}</n:PullResponse>");
    }

    private string Release(SoapRequest request)
    {
        enumerations.Release(request.Body?.Element(Soap.N + "EnumerationContext")?.Value.Trim() ?? "");
        return writer.Envelope(SoapWriter.Kind.Enumeration, Soap.EnumerationAction + "ReleaseResponse", request.MessageId, "");
    }

    private string Invoke(SoapRequest request, string methodName)
    {
        var @class = RequireClass(request.ClassName);
        var method = methods.Find(@class, methodName)
            ?? throw new CimException(CimException.InvalidMethod, "This method is not implemented in any class ");
        if (Keys(request).Count == 0) throw SoapFault.Keys();
        if (request.Selectors.Any(s => @class.Find(s.Name) is not { IsKey: true } && s.Name != "__cimnamespace")) throw SoapFault.Selectors();
        var target = repository.Get(@class.Name, Keys(request));
        var result = method.Run(new MethodCall(target, MethodInput.Read(method with { ClassName = @class.Name }, request.Body)));
        var values = result.Outs.Append(("ReturnValue", (object?)(ulong)result.ReturnValue)).ToArray();
        return writer.Envelope(SoapWriter.Kind.Method, $"{request.ResourceUri}/{method.Name}Response", request.MessageId,
            SoapWriter.Output(@class.Name, method.Name, values));
    }

    private CimClass RequireClass(string name) => schema.Find(name) ?? throw SoapFault.Resource();

    private static IReadOnlyList<(string Name, string Value)> Keys(SoapRequest request) =>
        [.. request.Selectors.Where(s => s.Name != "__cimnamespace")];
}
