using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Reports;

/// <summary>One policy under one budget and one machine. Figures are null where the working set does not fit the budget.</summary>
public sealed record ComparisonRow
{
    /// <summary>Name of the policy.</summary>
    public required string Policy { get; init; }

    /// <summary>The budget in bytes.</summary>
    public required long BudgetBytes { get; init; }

    /// <summary>The budget as a share of the unlimited peak, 0 to 1 (more when it is not needed).</summary>
    public required double BudgetShare { get; init; }

    /// <summary>Bytes per second from SSD.</summary>
    public required double ReadBandwidth { get; init; }

    /// <summary>Bytes per second to SSD.</summary>
    public required double WriteBandwidth { get; init; }

    /// <summary>Whether every op's working set fits.</summary>
    public required bool Feasible { get; init; }

    /// <summary>Why not.</summary>
    public string? InfeasibleReason { get; init; }

    /// <summary>Seconds of an iteration.</summary>
    public double? StepSeconds { get; init; }

    /// <summary>Seconds of an iteration with unlimited memory.</summary>
    public required double IdealSeconds { get; init; }

    /// <summary>Seconds that ops waited.</summary>
    public double? StallSeconds { get; init; }

    /// <summary>Most bytes in memory at once.</summary>
    public long? PeakBytes { get; init; }

    /// <summary>Bytes read from SSD per iteration.</summary>
    public long? BytesRead { get; init; }

    /// <summary>Bytes written to SSD per iteration.</summary>
    public long? BytesWritten { get; init; }

    /// <summary>Bytes copied from host memory per iteration.</summary>
    public long? HostBytesRead { get; init; }

    /// <summary>Bytes copied to host memory per iteration.</summary>
    public long? HostBytesWritten { get; init; }

    /// <summary>Least seconds that any plan needs; null when not computed.</summary>
    public double? BoundSeconds { get; init; }

    /// <summary>Ideal seconds by step seconds: 1 is as fast as unlimited memory.</summary>
    public double? ShareOfIdeal => StepSeconds > 0 ? IdealSeconds / StepSeconds : null;

    /// <summary>
    /// Whether the bound holds for this policy: not for one that passes the budget, computes tensors again, or changes the order of the ops.
    /// </summary>
    public bool BoundApplies { get; init; }

    /// <summary>How much longer than the bound: 0.02 is 2 %. Null where there is none or it does not apply.</summary>
    public double? GapToBound => StepSeconds is { } step && BoundSeconds is > 0 && BoundApplies ? (step / BoundSeconds) - 1 : null;

    /// <summary>The row of a policy's result.</summary>
    /// <param name="policy">Name of the policy.</param>
    /// <param name="machine">What it was planned for.</param>
    /// <param name="simulation">What the simulator made of it.</param>
    /// <param name="idealSeconds">Seconds of the trace's ops.</param>
    /// <param name="unlimitedPeak">Peak of the trace with unlimited memory, in bytes.</param>
    /// <param name="boundSeconds">The bound for this machine, if there is one.</param>
    /// <param name="isReordered">Whether the policy changed the order of the ops.</param>
    public static ComparisonRow Of(
        string policy, MachineModel machine, SimulationResult simulation, double idealSeconds, long unlimitedPeak, double? boundSeconds, bool isReordered = false)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(simulation);
        var row = new ComparisonRow
        {
            Policy = policy,
            BudgetBytes = machine.MemoryBudget,
            BudgetShare = unlimitedPeak > 0 ? machine.MemoryBudget / (double)unlimitedPeak : 0,
            ReadBandwidth = machine.Storage.ReadBandwidth,
            WriteBandwidth = machine.Storage.WriteBandwidth,
            Feasible = simulation.Feasible,
            InfeasibleReason = simulation.InfeasibleReason,
            IdealSeconds = idealSeconds,
            BoundSeconds = boundSeconds,
        };
        return !simulation.Feasible ? row : row with
        {
            StepSeconds = simulation.StepSeconds,
            StallSeconds = simulation.StallSeconds,
            PeakBytes = simulation.PeakBytes,
            BytesRead = simulation.BytesRead,
            BytesWritten = simulation.BytesWritten,
            HostBytesRead = simulation.HostBytesRead,
            HostBytesWritten = simulation.HostBytesWritten,
            BoundApplies = simulation.PeakBytes <= machine.MemoryBudget && simulation.RecomputeSeconds == 0 && !isReordered,
        };
    }
}
