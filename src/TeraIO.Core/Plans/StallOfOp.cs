namespace TeraIO.Core.Plans;

/// <summary>How long one op waited, and the main reason.</summary>
/// <param name="Op">Its number in the step.</param>
/// <param name="Name">Such as <c>aten::addmm</c>.</param>
/// <param name="Duration">All its waiting together.</param>
/// <param name="Cause">What most of it was for.</param>
public readonly record struct StallOfOp(int Op, string Name, TimeSpan Duration, StallCause Cause);
