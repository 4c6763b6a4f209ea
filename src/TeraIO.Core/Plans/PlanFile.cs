using TeraIO.Core.Formats;
using TeraIO.Core.Tracing;

namespace TeraIO.Core.Plans;

/// <summary>
/// Plans as files: versioned JSON, described in docs/formats/plan.md and by docs/formats/plan.schema.json. Reading checks a plan against itself;
/// <see cref="PlanValidation.Check(MigrationPlan, Trace)"/> checks it against its trace. Thread-safe as long as two do not write the same path.
/// </summary>
public static class PlanFile
{
    /// <summary>Value of the member <c>format</c>.</summary>
    public const string Format = "teraio-plan";

    /// <summary>The version that is written, and the only one that is read.</summary>
    public const int Version = 1;

    /// <summary>Reads a plan; a gzip-compressed one too, whatever it is called.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limits">What it may ask for; null for the defaults.</param>
    /// <exception cref="TraceFormatException">It is not a plan of this version, contradicts itself, or passes a limit.</exception>
    /// <exception cref="ConfigurationException">The file cannot be opened or read.</exception>
    public static MigrationPlan Read(string path, FormatLimits? limits = null) =>
        FormatFile.Read(path, limits ?? FormatLimits.Default, stream => Read(stream, path, limits));

    /// <summary>Reads a plan from a stream up to its end; the stream stays open.</summary>
    /// <param name="stream">Uncompressed JSON.</param>
    /// <param name="source">What messages call it.</param>
    /// <param name="limits">What it may ask for; null for the defaults.</param>
    /// <exception cref="TraceFormatException">It is not a plan of this version, contradicts itself, or passes a limit.</exception>
    public static MigrationPlan Read(Stream stream, string source = "plan", FormatLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return new PlanFileReader(new JsonTokens(stream, source, limits ?? FormatLimits.Default), limits ?? FormatLimits.Default).Read();
    }

    /// <summary>
    /// Writes a plan, compressed when <paramref name="path"/> ends in <c>.gz</c>. It appears under its name when it is complete; a failure leaves
    /// what was there.
    /// </summary>
    /// <exception cref="ConfigurationException">The file cannot be written.</exception>
    public static void Write(MigrationPlan plan, string path)
    {
        ArgumentNullException.ThrowIfNull(plan);
        FormatFile.Write(path, stream => Write(plan, stream));
    }

    /// <summary>Writes a plan to a stream, which stays open.</summary>
    public static void Write(MigrationPlan plan, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(stream);
        PlanFileWriter.Write(plan, stream);
    }
}
