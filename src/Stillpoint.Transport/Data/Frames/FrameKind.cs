namespace Stillpoint.Transport;

/// <summary>Kinds of frames of the data connection. docs/WIRE.md says what is in each. Below 0x10 they belong to the connection; from 0x10 to
/// 0x7f they belong to the session, are numbered, acknowledged, and sent again after a break; from 0x80 they come from the media server.</summary>
internal enum FrameKind : byte
{
    Hello = 0x01,
    Open = 0x02,
    Resume = 0x03,
    Ping = 0x04,

    PutRecord = 0x10,
    PutNode = 0x11,
    HasChunks = 0x12,
    Flush = 0x13,
    Commit = 0x14,
    PutNote = 0x15,
    ListImages = 0x16,
    ReadNode = 0x17,
    ReadRecords = 0x18,
    End = 0x19,

    Welcome = 0x81,
    Opened = 0x82,
    Resumed = 0x83,
    Alive = 0x84,
    Refused = 0x85,
    Acknowledged = 0x86,

    Done = 0x90,
    Failed = 0x91,
    Has = 0x92,
    Receipt = 0x93,
    Image = 0x94,
    Node = 0x95,
    Record = 0x96,
}
