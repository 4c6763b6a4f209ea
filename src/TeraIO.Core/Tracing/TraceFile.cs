using TeraIO.Core.Formats;

namespace TeraIO.Core.Tracing;

/// <summary>
/// Traces as files: versioned JSON, described in docs/formats/trace.md and by docs/formats/trace.schema.json. Reading and writing stream; memory is
/// what the trace itself needs, and bounded by <see cref="FormatLimits"/>. Thread-safe as long as two do not write the same path.
/// </summary>
public static class TraceFile
{
    /// <summary>Value of the member <c>format</c>.</summary>
    public const string Format = "teraio-trace";

    /// <summary>The version that is written, and the only one that is read.</summary>
    public const int Version = 1;

    /// <summary>Reads a trace; a gzip-compressed one too, whatever it is called.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limits">What it may ask for; null for the defaults.</param>
    /// <exception cref="TraceFormatException">It is not a trace of this version, contradicts itself, or passes a limit.</exception>
    /// <exception cref="ConfigurationException">The file cannot be opened or read.</exception>
    public static Trace Read(string path, FormatLimits? limits = null) =>
        FormatFile.Read(path, limits ?? FormatLimits.Default, stream => Read(stream, path, limits));

    /// <summary>Reads a trace from a stream up to its end; the stream stays open.</summary>
    /// <param name="stream">Uncompressed JSON.</param>
    /// <param name="source">What messages call it.</param>
    /// <param name="limits">What it may ask for; null for the defaults.</param>
    /// <exception cref="TraceFormatException">It is not a trace of this version, contradicts itself, or passes a limit.</exception>
    public static Trace Read(Stream stream, string source = "trace", FormatLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return new TraceFileReader(new JsonTokens(stream, source, limits ?? FormatLimits.Default), limits ?? FormatLimits.Default).Read();
    }

    /// <summary>
    /// Writes a trace, compressed when <paramref name="path"/> ends in <c>.gz</c>. It appears under its name when it is complete; a failure leaves
    /// what was there.
    /// </summary>
    /// <exception cref="ConfigurationException">The file cannot be written.</exception>
    public static void Write(Trace trace, string path)
    {
        ArgumentNullException.ThrowIfNull(trace);
        FormatFile.Write(path, stream => Write(trace, stream));
    }

    /// <summary>Writes a trace to a stream, which stays open.</summary>
    public static void Write(Trace trace, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(stream);
        TraceFileWriter.Write(trace, stream);
    }
}
