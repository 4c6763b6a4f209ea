using System.Buffers.Binary;
using System.Text;

namespace TeraIO.Torch.Runtime;

/// <summary>One symbol version that a shared library asks of another.</summary>
/// <param name="Library">The library asked, such as <c>libstdc++.so.6</c>.</param>
/// <param name="Version">The version asked for, such as <c>GLIBCXX_3.4.32</c>.</param>
/// <param name="IsWeak">Whether the loader goes on (with a warning at most) when the version is absent.</param>
/// <param name="FlagsOffset">File offset of the 16-bit flags of the entry.</param>
internal readonly record struct VersionNeed(string Library, string Version, bool IsWeak, int FlagsOffset);

/// <summary>
/// Reads the version needs (<c>Elf64_Verneed</c>, <c>Elf64_Vernaux</c>) of a little-endian ELF64 image the way the
/// dynamic loader finds them: through the dynamic segment, not through section headers, which a stripped file lacks.
/// </summary>
/// <remarks>Every offset is checked against the image; anything odd is an <see cref="InvalidDataException"/>.</remarks>
internal static class ElfVersionNeeds
{
    /// <summary><c>VER_FLG_WEAK</c>: the loader does not refuse the library when the version is missing.</summary>
    public const ushort WeakFlag = 2;

    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const int DynamicEntrySize = 16;
    private const int NeedSize = 16;
    private const uint SegmentLoad = 1;
    private const uint SegmentDynamic = 2;
    private const long TagStringTable = 5;
    private const long TagStringSize = 10;
    private const long TagVerNeed = 0x6ffffffe;
    private const long TagVerNeedCount = 0x6fffffff;
    private const int LongestName = 4096;

    // Real libraries have some tens; the limit bounds the work that a hostile file with overlapping lists can ask for.
    private const int MostEntries = 10_000;

    /// <summary>Lists the needs in file order; empty when the library has none.</summary>
    /// <exception cref="InvalidDataException">The image is no ELF64 library or is damaged.</exception>
    public static IReadOnlyList<VersionNeed> Read(ReadOnlySpan<byte> image)
    {
        var segments = ReadSegments(image);
        var dynamic = ReadDynamic(image, segments);
        if (dynamic.NeedCount == 0)
            return [];
        var strings = Slice(image, Translate(segments, dynamic.StringTable), dynamic.StringSize, "string table");
        return ReadNeeds(image, strings, Translate(segments, dynamic.VerNeed), dynamic.NeedCount);
    }

    private static List<VersionNeed> ReadNeeds(ReadOnlySpan<byte> image, ReadOnlySpan<byte> strings, ulong offset, ulong count)
    {
        var needs = new List<VersionNeed>();
        for (ulong i = 0; i < count; i++)
        {
            var need = Slice(image, offset, NeedSize, "version need");
            var library = ReadName(strings, U32(need, 4));
            var auxOffset = offset + U32(need, 8);
            for (int j = 0, auxCount = U16(need, 2); j < auxCount; j++)
            {
                var aux = Slice(image, auxOffset, NeedSize, "version need entry");
                if (needs.Count == MostEntries)
                    throw new InvalidDataException($"the ELF file lists more than {MostEntries} version needs");
                needs.Add(new VersionNeed(
                    library, ReadName(strings, U32(aux, 8)), (U16(aux, 4) & WeakFlag) != 0, (int)auxOffset + 4));
                if (U32(aux, 12) == 0)
                    break;
                auxOffset += U32(aux, 12);
            }
            if (U32(need, 12) == 0)
                break;
            offset += U32(need, 12);
            if (i == MostEntries)
                throw new InvalidDataException($"the ELF file lists needs of more than {MostEntries} libraries");
        }
        return needs;
    }

    private static List<Segment> ReadSegments(ReadOnlySpan<byte> image)
    {
        var header = Slice(image, 0, HeaderSize, "ELF header");
        if (!header[..4].SequenceEqual("\u007fELF"u8))
            throw new InvalidDataException("the file does not start with the ELF magic number");
        if (header[4] != 2 || header[5] != 1)
            throw new InvalidDataException("the ELF file is not a 64-bit little-endian one");
        if (U16(header, 54) != ProgramHeaderSize)
            throw new InvalidDataException($"the ELF program headers are {U16(header, 54)} bytes each instead of {ProgramHeaderSize}");
        var count = U16(header, 56);
        var table = Slice(image, U64(header, 32), (ulong)count * ProgramHeaderSize, "program headers");
        var segments = new List<Segment>(count);
        for (var i = 0; i < count; i++)
        {
            var entry = table.Slice(i * ProgramHeaderSize, ProgramHeaderSize);
            segments.Add(new Segment(U32(entry, 0), U64(entry, 8), U64(entry, 16), U64(entry, 32)));
        }
        return segments;
    }

    private static DynamicSection ReadDynamic(ReadOnlySpan<byte> image, List<Segment> segments)
    {
        var found = default(DynamicSection);
        var segment = segments.Find(s => s.Type == SegmentDynamic);
        if (segment.Type != SegmentDynamic)
            throw new InvalidDataException("the ELF file has no dynamic segment: it is not a shared library");
        var table = Slice(image, segment.Offset, segment.FileSize, "dynamic segment");
        for (var at = 0; at + DynamicEntrySize <= table.Length; at += DynamicEntrySize)
        {
            var value = U64(table, at + 8);
            switch ((long)U64(table, at))
            {
                case 0: return found;
                case TagStringTable: found.StringTable = value; break;
                case TagStringSize: found.StringSize = value; break;
                case TagVerNeed: found.VerNeed = value; break;
                case TagVerNeedCount: found.NeedCount = value; break;
                default: break;
            }
        }
        return found;
    }

    private static ulong Translate(List<Segment> segments, ulong address)
    {
        foreach (var s in segments)
        {
            if (s.Type == SegmentLoad && address >= s.Address && address - s.Address < s.FileSize)
                return s.Offset + (address - s.Address);
        }
        throw new InvalidDataException($"the ELF file has no loaded segment at address 0x{address:x}");
    }

    private static string ReadName(ReadOnlySpan<byte> strings, uint offset)
    {
        if (offset >= (uint)strings.Length)
            throw new InvalidDataException($"the ELF file names a string at {offset} in a table of {strings.Length} bytes");
        var rest = strings[(int)offset..];
        var length = rest[..Math.Min(rest.Length, LongestName)].IndexOf((byte)0);
        return length < 0
            ? throw new InvalidDataException($"the ELF string at {offset} has no end")
            : Encoding.UTF8.GetString(rest[..length]);
    }

    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> image, ulong offset, ulong length, string what)
    {
        var size = (ulong)image.Length;
        return offset > size || length > size - offset
            ? throw new InvalidDataException($"the ELF file ({size} bytes) ends inside its {what} (offset {offset}, {length} bytes)")
            : image.Slice((int)offset, (int)length);
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    private readonly record struct Segment(uint Type, ulong Offset, ulong Address, ulong FileSize);

    private struct DynamicSection
    {
        public ulong StringTable;
        public ulong StringSize;
        public ulong VerNeed;
        public ulong NeedCount;
    }
}
