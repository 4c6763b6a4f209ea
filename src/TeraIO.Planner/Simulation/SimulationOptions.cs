namespace TeraIO.Planner.Simulation;

/// <summary>How a plan is simulated. Immutable.</summary>
public sealed record SimulationOptions
{
    /// <summary>What the engine of a CPU host does: every transfer is asked for when the op before it has ended.</summary>
    public static SimulationOptions Default { get; } = new();

    /// <summary>
    /// Ops by which the host runs ahead of the device. A prefetch is asked for so many ops earlier than the plan says, but not before the same tensor's
    /// offload. Offloads wait for the device in any case: their bytes do not exist earlier.
    /// </summary>
    public int HostAheadOps { get; init; }

    /// <summary>Fill <see cref="SimulationResult.Transfers"/>.</summary>
    public bool RecordTransfers { get; init; }

    /// <summary>
    /// Iterations after which the last one is reported although the state at its end is not yet the one at its beginning. At least 1.
    /// </summary>
    public int MostIterations { get; init; } = 6;
}
