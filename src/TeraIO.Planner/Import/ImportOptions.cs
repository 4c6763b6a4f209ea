using TeraIO.Core.Formats;

namespace TeraIO.Planner.Import;

/// <summary>How a foreign trace becomes one of ours. Immutable and thread-safe.</summary>
public sealed record ImportOptions
{
    /// <summary>
    /// What the device sustains, in floating-point operations per second: durations of execution traces, which have none, come from a roofline. The
    /// default is about half of an A100's dense BF16 peak.
    /// </summary>
    public double FlopsPerSecond { get; init; } = 150e12;

    /// <summary>What its memory sustains, in bytes per second. The default is about three quarters of an A100-40G's peak.</summary>
    public double BytesPerSecond { get; init; } = 1.2e12;

    /// <summary>Shortest duration of an op: launching a kernel takes so long, in seconds.</summary>
    public double SecondsPerOp { get; init; } = 3e-6;

    /// <summary>The device whose memory is meant, such as <c>cuda:0</c> or <c>cpu</c>; null for the one with most bytes in the file.</summary>
    public string? Device { get; init; }

    /// <summary>
    /// Beginning of the name of the annotation that begins an iteration, such as <c>ProfilerStep#</c> or <c>Optimizer.zero_grad</c>. Where there is
    /// none of them the whole file is one iteration.
    /// </summary>
    public string StepMarker { get; init; } = "ProfilerStep";

    /// <summary>Which of the iterations, from 0; null for the last complete one.</summary>
    public int? Step { get; init; }

    /// <summary>How much the file may ask for; null for the defaults, with deeper nesting.</summary>
    public FormatLimits? Limits { get; init; }

    internal FormatLimits EffectiveLimits => Limits ?? FormatLimits.Default with { Depth = 64 };

    internal void Check()
    {
        if (!double.IsFinite(FlopsPerSecond) || FlopsPerSecond <= 0) throw new Core.ConfigurationException($"FlopsPerSecond is {FlopsPerSecond}; it must be a number above 0.");
        if (!double.IsFinite(BytesPerSecond) || BytesPerSecond <= 0) throw new Core.ConfigurationException($"BytesPerSecond is {BytesPerSecond}; it must be a number above 0.");
        if (!double.IsFinite(SecondsPerOp) || SecondsPerOp < 0) throw new Core.ConfigurationException($"SecondsPerOp is {SecondsPerOp}; it must be a number that is not negative.");
        if (Step < 0) throw new Core.ConfigurationException($"Step is {Step}; steps are counted from 0.");
    }
}
