using TeraIO.Bounds.Linear;

namespace TeraIO.Bounds;

/// <summary>The decision of what leaves in one period of one group, for one tier. Variable indices; -1 where there is none.</summary>
/// <param name="Period">The period.</param>
/// <param name="Tier">Index of the tier.</param>
/// <param name="Written">Bytes that are written to the tier within the period and then are away.</param>
/// <param name="WrittenBefore">Bytes that are written before the period begins and stay in memory until then.</param>
/// <param name="Dropped">Bytes that leave when the period begins, without I/O, because the tier holds a current copy.</param>
internal readonly record struct EvictionVariable(GroupPeriod Period, int Tier, int Written, int WrittenBefore, int Dropped)
{
    /// <summary>Adds the bytes that are away to a row.</summary>
    public void AddAway(LinearProgram program, int row, double coefficient)
    {
        if (Written >= 0) program.Add(row, Written, coefficient);
        if (Dropped >= 0) program.Add(row, Dropped, coefficient);
    }

    /// <summary>Adds the bytes that are written to a row.</summary>
    public void AddWrites(LinearProgram program, int row, double coefficient)
    {
        if (Written >= 0) program.Add(row, Written, coefficient);
        if (WrittenBefore >= 0) program.Add(row, WrittenBefore, coefficient);
    }
}
