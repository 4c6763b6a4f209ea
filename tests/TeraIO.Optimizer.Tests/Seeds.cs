using FsCheck;
using FsCheck.Fluent;

namespace TeraIO.Optimizer.Tests;

/// <summary>Properties of what random generators make; the seed is in the report of a failure and suffices to repeat it.</summary>
internal static class Seeds
{
    public static Property ForAll(Action<int> property) => Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), property);
}
