using System.Buffers.Binary;
using System.Text;

namespace TeraIO.Torch.Tests.Runtime;

/// <summary>
/// Builds the smallest ELF64 library with version needs: header, one load and one dynamic segment, the dynamic
/// table, the need records and their strings. The load address differs from the file offset, as in real libraries.
/// </summary>
internal sealed class ElfImage
{
    public const int ProgramHeaderOffset = 64;
    public const int DynamicOffset = ProgramHeaderOffset + (2 * 56);
    public const int NeedOffset = DynamicOffset + (5 * 16);
    public const ulong LoadAddress = 0x10000;

    private readonly List<(string Library, string[] Versions)> _needs = [];

    public ElfImage Needing(string library, params string[] versions)
    {
        _needs.Add((library, versions));
        return this;
    }

    public byte[] Build()
    {
        var strings = new List<byte> { 0 };
        var records = BuildNeeds(strings);
        var stringOffset = NeedOffset + records.Length;
        var image = new byte[stringOffset + strings.Count];
        records.CopyTo(image, NeedOffset);
        strings.CopyTo(image, stringOffset);
        WriteHeaders(image);
        WriteDynamic(image, DynamicOffset, 5, LoadAddress + (ulong)stringOffset);
        WriteDynamic(image, DynamicOffset + 16, 10, (ulong)strings.Count);
        WriteDynamic(image, DynamicOffset + 32, 0x6ffffffe, LoadAddress + NeedOffset);
        WriteDynamic(image, DynamicOffset + 48, 0x6fffffff, (ulong)_needs.Count);
        return image;
    }

    private byte[] BuildNeeds(List<byte> strings)
    {
        var bytes = new List<byte>();
        for (var i = 0; i < _needs.Count; i++)
        {
            var (library, versions) = _needs[i];
            var next = i == _needs.Count - 1 ? 0 : 16 * (versions.Length + 1);
            Add(bytes, 1, 2);
            Add(bytes, versions.Length, 2);
            Add(bytes, Intern(strings, library), 4);
            Add(bytes, 16, 4);
            Add(bytes, next, 4);
            for (var j = 0; j < versions.Length; j++)
            {
                Add(bytes, 0x1234, 4);
                Add(bytes, 0, 2);
                Add(bytes, 5, 2);
                Add(bytes, Intern(strings, versions[j]), 4);
                Add(bytes, j == versions.Length - 1 ? 0 : 16, 4);
            }
        }
        return [.. bytes];
    }

    private static void WriteHeaders(byte[] image)
    {
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(image);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(32), ProgramHeaderOffset);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(54), 56);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(56), 2);
        WriteSegment(image.AsSpan(ProgramHeaderOffset), type: 1, offset: 0, (ulong)image.Length);
        WriteSegment(image.AsSpan(ProgramHeaderOffset + 56), type: 2, DynamicOffset, 5 * 16);
    }

    private static void WriteSegment(Span<byte> header, uint type, ulong offset, ulong size)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], offset);
        BinaryPrimitives.WriteUInt64LittleEndian(header[16..], LoadAddress + offset);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], size);
    }

    private static void WriteDynamic(byte[] image, int at, ulong tag, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(at), tag);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(at + 8), value);
    }

    private static int Intern(List<byte> strings, string text)
    {
        var offset = strings.Count;
        strings.AddRange(Encoding.UTF8.GetBytes(text));
        strings.Add(0);
        return offset;
    }

    private static void Add(List<byte> bytes, int value, int size)
    {
        for (var i = 0; i < size; i++)
            bytes.Add((byte)(value >> (8 * i)));
    }
}
