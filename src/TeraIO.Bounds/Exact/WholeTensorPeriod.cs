namespace TeraIO.Bounds.Exact;

/// <summary>The decisions for one idle period: variables of a <see cref="WholeTensorProgram"/>, per position within the period.</summary>
internal sealed class WholeTensorPeriod(IdlePeriod period, int history, double bytes)
{
    public IdlePeriod Period => period;

    /// <summary>Number of the tensor's history, see <see cref="IdlePeriod.History"/>; over all tensors.</summary>
    public int History => history;

    /// <summary>Size in the program's units.</summary>
    public double Bytes => bytes;

    /// <summary>First position within.</summary>
    public int First => period.Start + 1;

    /// <summary>Positions within.</summary>
    public int Count => period.End - period.Start - 1;

    /// <summary>Per position: the tensor's memory is gone by then. Once 1 it stays.</summary>
    public int[] Gone { get; } = new int[period.End - period.Start - 1];

    /// <summary>Per position: its memory is there again by then. Once 1 it stays.</summary>
    public int[] Back { get; } = new int[period.End - period.Start - 1];

    /// <summary>Per interval from <see cref="First"/> on: bytes read in it. Empty when nothing need come back.</summary>
    public int[] Reads { get; } = new int[period.EndsInFree ? 0 : period.End - period.Start - 1];
}
