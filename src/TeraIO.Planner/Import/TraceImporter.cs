using TeraIO.Core;
using TeraIO.Core.Formats;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Import;

/// <summary>
/// Reads traces of several makers: our own (docs/formats/trace.md), PyTorch execution traces (Chakra host traces) and PyTorch CUDA memory snapshots.
/// The kind is told by the content, not by the name; gzip is undone. Thread-safe. What each gives: docs/formats/importers.md.
/// </summary>
public static class TraceImporter
{
    private const int PrefixBytes = 1 << 16;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How to read what is foreign; null for the defaults.</param>
    /// <exception cref="TraceFormatException">It is none of the formats, or is broken, or passes a limit.</exception>
    /// <exception cref="ConfigurationException">The file cannot be opened or read, or an option makes no sense.</exception>
    public static Trace Read(string path, ImportOptions? options = null)
    {
        options ??= new ImportOptions();
        return FormatFile.Read(path, options.EffectiveLimits, stream => Read(stream, path, options));
    }

    /// <summary>Reads a stream up to its end; it stays open.</summary>
    /// <param name="stream">Not compressed.</param>
    /// <param name="source">What messages call it.</param>
    /// <param name="options">How to read what is foreign; null for the defaults.</param>
    /// <exception cref="TraceFormatException">It is none of the formats, or is broken, or passes a limit.</exception>
    /// <exception cref="ConfigurationException">An option makes no sense.</exception>
    public static Trace Read(Stream stream, string source = "trace", ImportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        options ??= new ImportOptions();
        options.Check();
        var prefix = new byte[PrefixBytes];
        int length = ReadPrefix(stream, prefix, source);
        using var whole = new PrefixedStream(prefix.AsMemory(0, length), stream);
        ReadOnlySpan<byte> begin = prefix.AsSpan(0, length);
        if (begin.IsEmpty) throw Unknown(source, "the file is empty");
        if (begin.Length > 262 && begin[257..262].SequenceEqual("ustar"u8)) throw Unknown(source, "it is a tar archive; unpack it first");
        if (begin.StartsWith("PK"u8)) throw Unknown(source, "it is a zip archive; unpack it first");
        if (begin[0] == PickleOpcode.Proto) return MemorySnapshotImport.Read(whole, source, options);
        if (begin.IndexOf("\"teraio-trace\""u8) >= 0) return TraceFile.Read(whole, source, options.EffectiveLimits);
        if (begin.IndexOf("\"teraio-plan\""u8) >= 0) throw Unknown(source, "it is a plan of ours, not a trace");
        if (begin.IndexOf("\"traceEvents\""u8) >= 0) throw Unknown(source, "it is a timeline of PyTorch's profiler (Kineto), which names no tensors; record an execution trace with ExecutionTraceObserver instead");
        if (begin.IndexOf("\"nodes\""u8) >= 0) return ExecutionTraceImport.Read(whole, source, options);
        throw Unknown(source, "its first 64 KiB hold none of the marks \"teraio-trace\", \"nodes\" (a PyTorch execution trace; after conversion to Chakra it is another format) or a pickle's begin (memory snapshot)");
    }

    private static int ReadPrefix(Stream stream, byte[] prefix, string source)
    {
        try
        {
            return stream.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException e)
        {
            throw new TraceFormatException($"{source}: the compressed data is damaged or cut off.", e) { Path = source };
        }
    }

    private static TraceFormatException Unknown(string source, string reason) => new($"{source}: not a trace that can be read: {reason}.") { Path = source };
}
