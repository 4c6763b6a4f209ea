namespace TeraIO.Planner.Lifetimes;

/// <summary>When a tensor exists and is used, in ops.</summary>
/// <param name="CreateOp">The op that makes it; -1 for persistent tensors.</param>
/// <param name="FreeOp">The op after which it is freed; smaller than <paramref name="CreateOp"/> when it lives on into the next iteration; -1 for persistent tensors.</param>
/// <param name="Uses">How many ops need it in memory.</param>
/// <param name="FirstPeriod">Index of its first inactive period.</param>
/// <param name="PeriodCount">Number of its inactive periods; they lie side by side.</param>
public readonly record struct TensorLifetime(int CreateOp, int FreeOp, int Uses, int FirstPeriod, int PeriodCount)
{
    /// <summary>It exists all the time.</summary>
    public bool IsPersistent => CreateOp < 0;

    /// <summary>It is freed in the iteration after the one that made it.</summary>
    public bool WrapsIteration => FreeOp < CreateOp;

    /// <summary>Whether it exists while an op runs.</summary>
    public bool IsAliveAt(int op) => IsPersistent || (WrapsIteration ? op >= CreateOp || op <= FreeOp : op >= CreateOp && op <= FreeOp);
}
