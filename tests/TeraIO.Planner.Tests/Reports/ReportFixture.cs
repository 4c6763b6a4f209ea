using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Tests.Reports;

/// <summary>
/// Four ops of one second each; an activation leaves after the first and is half a second late for the third. A weight is dropped clean after op 3
/// and comes back before op 1 of the next iteration; a gradient lives from op 3 into the next iteration.
/// </summary>
internal static class ReportFixture
{
    public const int Weight = 0;
    public const int Activation = 1;
    public const int Gradient = 2;

    public static Trace Trace { get; } = BuildTrace();

    public static MachineModel Machine { get; } = new()
    {
        MemoryBudget = 250,
        Storage = new TierModel { ReadBandwidth = 400, WriteBandwidth = 400 },
    };

    public static MigrationPlan Plan { get; } = new()
    {
        Policy = "by hand",
        TraceName = Trace.Header.Name,
        OpCount = 4,
        TensorCount = 3,
        MemoryBudget = 250,
        Migrations =
        [
            new PlannedMigration(MigrationKind.Offload, Activation, 0, 200, MemoryTier.Ssd, true, 0, 1),
            new PlannedMigration(MigrationKind.Prefetch, Weight, 0, 100, MemoryTier.Ssd, false, 1, 1),
            new PlannedMigration(MigrationKind.Prefetch, Activation, 0, 200, MemoryTier.Ssd, false, 2, 2),
            new PlannedMigration(MigrationKind.Offload, Weight, 0, 100, MemoryTier.Ssd, false, 3, 0),
        ],
    };

    public static SimulationResult Simulation { get; } = new()
    {
        Feasible = true,
        StepSeconds = 4.5,
        IdealSeconds = 4,
        StallSeconds = 0.5,
        PeakBytes = 240,
        BytesRead = 300,
        BytesWritten = 200,
        StallPerOp = [0, 0, 0.5, 0],
        StallCausePerOp = [StallCause.None, StallCause.None, StallCause.LatePrefetch, StallCause.None],
        OpStart = [0, 1, 2.5, 3.5],
        OpEnd = [1, 2, 3.5, 4.5],
        MemoryPerOp = [240, 140, 240, 150],
        Transfers =
        [
            new SimulatedTransfer(Weight, MigrationKind.Prefetch, MemoryTier.Ssd, 100, 0.5, 0.5, 0.75, true),
            new SimulatedTransfer(Activation, MigrationKind.Offload, MemoryTier.Ssd, 200, 1, 1, 1.5, true),
            new SimulatedTransfer(Activation, MigrationKind.Prefetch, MemoryTier.Ssd, 200, 2, 2, 2.5, true),
        ],
    };

    private static Trace BuildTrace()
    {
        var builder = new TraceBuilder(new TraceHeader("fixture <&> \"quoted\" {{js}}", "tests", BaselineBytes: 10, Tokens: 4));
        int weight = builder.AddTensor(new TraceTensor(100, TensorKind.Parameter, true, "weight"));
        int activation = builder.AddTensor(new TraceTensor(200, TensorKind.Activation, false, "</script><b>activation"));
        int gradient = builder.AddTensor(new TraceTensor(50, TensorKind.Gradient, false));
        builder.AddOp(new TraceOp("forward", 1, OpPhase.Forward, "layer 1", WorkspaceBytes: 5));
        builder.Access(activation, AccessKind.Create);
        builder.Access(gradient, AccessKind.Free);
        builder.AddOp(new TraceOp("forward2", 1, OpPhase.Forward));
        builder.Access(weight, AccessKind.Read);
        builder.AddOp(new TraceOp("backward", 1, OpPhase.Backward));
        builder.Access(activation, AccessKind.Read | AccessKind.Free);
        builder.AddOp(new TraceOp("update", 1, OpPhase.Update));
        builder.Access(gradient, AccessKind.Create);
        builder.Access(weight, AccessKind.Read);
        return builder.Build();
    }
}
