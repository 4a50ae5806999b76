using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>The media server says that this session is over: connecting again does not help, though running the job again may.</summary>
internal sealed class SessionOverException(Trouble trouble) : Exception(trouble.ToString())
{
    internal Trouble Trouble => trouble;
}
