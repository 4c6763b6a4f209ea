namespace TeraIO.Bounds;

/// <summary>How much work a bound is worth. Whatever is chosen, the result is a lower bound; less work makes it a lower one.</summary>
public sealed record LowerBoundOptions
{
    /// <summary>
    /// Most moments of the iteration at which memory is checked. The begin and the end of every op are moments; when they are no more than this, nothing
    /// is left out. At least 2.
    /// </summary>
    public int MaxCheckpoints { get; init; } = 1024;

    /// <summary>Time for the solver. When it runs out, the best bound that was proven by then is the result.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(20);
}
