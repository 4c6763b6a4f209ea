using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Bounds.Tests;

public class LowerBoundSpeed
{
    [Test]
    public void Two_thousand_ops_take_seconds()
    {
        Trace trace = LayeredTrace.Create(layers: 40, opsPerLayer: 24, activation: 3);
        LowerBoundResult bound = LowerBound.Compute(trace, Machine(trace, share: 0.3, bandwidth: 0.2), new LowerBoundOptions { TimeLimit = TimeSpan.FromSeconds(20), MaxCheckpoints = 256 });
        Assert.That(bound.SolverStatus, Is.EqualTo("OPTIMAL"));
        Assert.That(bound.StepSeconds, Is.GreaterThan(1.5 * trace.IdealSeconds));
    }

    [Test]
    [Explicit("Prints times; takes minutes.")]
    public void Speed_of_bounds(
        [Values("80 x 30", "100 x 450")] string shape, [Values(0.02, 0.2, 1, 4)] double bandwidth, [Values(0.3, 0.6)] double share, [Values(256, 1024, 4096)] int checkpoints)
    {
        int[] sizes = [.. shape.Split(" x ").Select(int.Parse)];
        Trace trace = LayeredTrace.Create(sizes[0], sizes[1], 100, 50 / sizes[1] + 1);
        LowerBoundResult bound = LowerBound.Compute(
            trace, Machine(trace, share, bandwidth), new LowerBoundOptions { MaxCheckpoints = checkpoints, TimeLimit = TimeSpan.FromSeconds(60) });
        TestContext.Out.WriteLine(
            $"{trace.Ops.Length} ops, budget {share}, bandwidth {bandwidth}: {bound.StepSeconds / bound.IdealSeconds:F5} of the ideal, {bound.Checkpoints} checkpoints, {bound.SolverStatus}, {bound.SolveSeconds:F2} s");
        Assert.That(bound.Feasible);
    }

    private static MachineModel Machine(Trace trace, double share, double bandwidth)
    {
        long peak = Footprint.Peak(trace);
        double perSecond = bandwidth * peak / trace.IdealSeconds;
        return Iteration.Machine((long)(share * peak), perSecond, 0.8 * perSecond, interference: 0.3);
    }
}
