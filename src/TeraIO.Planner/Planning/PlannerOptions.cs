using TeraIO.Core;

namespace TeraIO.Planner.Planning;

/// <summary>What the planner may do and how hard it tries. Immutable.</summary>
public sealed record PlannerOptions
{
    /// <summary>Name that the plan carries.</summary>
    public string Policy { get; init; } = "planned";

    /// <summary>
    /// How much earlier than the latest safe moment a prefetch is asked for, as a fraction of the time that it and the transfers before it take: room for
    /// ops and disks that are faster or slower than they were in the trace. From 0 to 10. Memory comes first: where there is no room, there is no margin.
    /// </summary>
    public double LeadMargin { get; init; } = 0.5;

    /// <summary>
    /// How many ops the search may simulate altogether, in millions: the search for a better plan ends when they are used up, so that the same input gives the
    /// same plan on every machine. At least a dozen plans are tried whatever the size of the trace. From 0 to 10,000.
    /// </summary>
    public double EffortMegaOps { get; init; } = 3;

    /// <summary>Ends the search early, whatever effort is left; the plan then depends on the machine's speed. Null: no limit.</summary>
    public TimeSpan? TimeLimit { get; init; }

    /// <summary>
    /// Most bytes to write to SSD per iteration, for the sake of its endurance. Among plans within the cap the fastest is taken; when there is none, the one that
    /// writes least. Null: no cap.
    /// </summary>
    public long? MaxBytesWritten { get; init; }

    /// <summary>Use host memory where the machine model has it.</summary>
    public bool UseHost { get; init; } = true;

    /// <summary>
    /// Compare with the plans of the other policies as well and never return a slower one. Costs their planning time; traces of more than
    /// <see cref="MostOpsForAllPolicies"/> ops are compared with on-demand only.
    /// </summary>
    public bool TryOtherPolicies { get; init; } = true;

    internal const int MostOpsForAllPolicies = 25_000;

    /// <summary>Throws when an option makes no sense.</summary>
    /// <exception cref="ConfigurationException">The message names the option, its value and what is allowed.</exception>
    public void Validate()
    {
        if (string.IsNullOrWhiteSpace(Policy)) throw new ConfigurationException($"{nameof(Policy)} is empty; give the plan's policy a name.");
        if (!(LeadMargin is >= 0 and <= 10)) throw new ConfigurationException($"{nameof(LeadMargin)} is {LeadMargin}; it is a fraction from 0 to 10.");
        if (!(EffortMegaOps is >= 0 and <= 10_000)) throw new ConfigurationException($"{nameof(EffortMegaOps)} is {EffortMegaOps}; it is from 0 to 10000.");
        if (TimeLimit is { } limit && limit <= TimeSpan.Zero) throw new ConfigurationException($"{nameof(TimeLimit)} is {limit}; it must be more than 0, or null.");
        if (MaxBytesWritten < 0) throw new ConfigurationException($"{nameof(MaxBytesWritten)} is {MaxBytesWritten}; it must not be negative; null means no cap.");
    }
}
