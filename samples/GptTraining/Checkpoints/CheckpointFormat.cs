using System.Buffers.Binary;
using System.IO.Hashing;

namespace TeraIO.Samples.GptTraining;

/// <summary>
/// The checkpoint file, little-endian throughout:
/// <code>
/// magic "TIOGPT01" | u32 length of metadata | metadata (JSON, UTF-8) | u64 XXH3 of all before
/// tensor*:  u32 length of name | name (UTF-8) | i64 bytes | bytes | u64 XXH3 of name and bytes
/// end:      u32 0xFFFFFFFF | i64 number of tensors | u64 XXH3 of the number
/// </code>
/// Shapes are not stored: a tensor belongs to a model of the same configuration, which the metadata states.
/// </summary>
internal static class CheckpointFormat
{
    /// <summary>Also the version: a change of layout changes the digits.</summary>
    public static ReadOnlySpan<byte> Magic => "TIOGPT01"u8;

    /// <summary>Stands where a tensor's name length would.</summary>
    public const uint End = uint.MaxValue;

    /// <summary>More than any name or metadata needs; refuses damaged lengths before memory is asked for.</summary>
    public const int LongestText = 64 << 20;

    /// <summary>Pieces in which tensors pass between memory and file.</summary>
    public const int PieceBytes = 1 << 20;

    /// <summary>Checksum of the end record.</summary>
    public static ulong HashOf(long number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        return XxHash3.HashToUInt64(bytes);
    }
}
