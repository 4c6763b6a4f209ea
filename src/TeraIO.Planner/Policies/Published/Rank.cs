namespace TeraIO.Planner.Policies.Published;

/// <summary>Place of a period in a greedy planner's queue: the largest benefit first, of equal ones the largest weight, then the earliest period.</summary>
internal readonly record struct Rank(double Benefit, double Weight, int Period) : IComparable<Rank>
{
    public int CompareTo(Rank other)
    {
        if (Benefit != other.Benefit) return Benefit > other.Benefit ? -1 : 1;
        if (Weight != other.Weight) return Weight > other.Weight ? -1 : 1;
        return Period.CompareTo(other.Period);
    }
}
