using TeraIO.Planner.Reports;

namespace TeraIO.Planner.Tests.Reports;

public sealed class UnlimitedMemoryTests
{
    [Test]
    public void Baseline_lives_across_the_end_and_workspace_all_count()
    {
        // 10 baseline + 100 weight, then activation (200) until op 2, the gradient (50) from op 3 through op 0, 5 of workspace in op 0.
        Assert.That(UnlimitedMemory.PerOp(ReportFixture.Trace), Is.EqualTo(new long[] { 365, 310, 310, 160 }));
        Assert.That(UnlimitedMemory.Peak(ReportFixture.Trace), Is.EqualTo(365));
    }
}
