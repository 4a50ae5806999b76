using System.Text;

namespace Stillpoint.Lab;

/// <summary>Enumerations that clients have begun and not yet read to the end. One that nobody pulls from for ten minutes is dropped.</summary>
internal sealed class EnumerationStore(TimeProvider time)
{
    private const int MostAtOnce = 1500;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (Queue<string> Items, long Touched)> _open = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Keeps the rest of an answer under a context.</summary>
    /// <exception cref="SoapFault">Too many are open.</exception>
    public void Add(string context, Queue<string> items)
    {
        lock (_gate)
        {
            foreach (var old in _open.Where(o => time.GetElapsedTime(o.Value.Touched) > Patience).Select(o => o.Key).ToArray()) _open.Remove(old);
            if (_open.Count >= MostAtOnce) throw SoapFault.Quota();
            _open.Add(context, (items, time.GetTimestamp()));
        }
    }

    /// <summary>Takes the next items: at most <paramref name="count"/> of them and at most so many bytes.</summary>
    /// <param name="context">The client's context.</param>
    /// <param name="count">Most items.</param>
    /// <param name="bytes">Most bytes of UTF-8; an item that alone is larger is a fault.</param>
    /// <param name="ended">True when nothing is left; the context is gone then.</param>
    /// <exception cref="SoapFault">Unknown context, or an item too large.</exception>
    public IReadOnlyList<string> Take(string context, int count, int bytes, out bool ended)
    {
        lock (_gate)
        {
            if (!_open.TryGetValue(context, out var open)) throw SoapFault.Context();
            var taken = new List<string>();
            while (taken.Count < count && open.Items.TryPeek(out var next))
            {
                var size = Encoding.UTF8.GetByteCount(next);
                if (size > bytes)
                {
                    if (taken.Count == 0) throw SoapFault.EncodingLimit();
                    break;
                }
                bytes -= size;
                taken.Add(open.Items.Dequeue());
            }
            ended = open.Items.Count == 0;
            if (ended) _open.Remove(context);
            else _open[context] = (open.Items, time.GetTimestamp());
            return taken;
        }
    }

    /// <summary>Forgets an enumeration.</summary>
    /// <exception cref="SoapFault">Unknown context.</exception>
    public void Release(string context)
    {
        lock (_gate)
        {
            if (!_open.Remove(context)) throw SoapFault.Context();
        }
    }
}
