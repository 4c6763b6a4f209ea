namespace TeraIO.Torch.Tests.DataParallel;

/// <summary>How far the losses of ranks may lie from those of one process with the same global batch: docs/data-parallel.md.</summary>
internal static class LossBound
{
    private const double UnitRoundoff = 1.0 / (1 << 24);

    /// <summary>The relative difference after as many steps, counted from 1, of as many tokens each.</summary>
    public static double Relative(int step, int tokens)
    {
        double sum = tokens * UnitRoundoff;
        return step * 2 * sum / (1 - sum);
    }
}
