using TeraIO.Core.Plans;

namespace TeraIO.Planner.Simulation;

/// <summary>What a plan has for one piece at one op.</summary>
/// <param name="Piece">Number of the piece; for recomputations the tensor's first.</param>
/// <param name="Kind">What happens.</param>
/// <param name="Tier">The other end.</param>
/// <param name="Writes">For an offload: the plan expects a write.</param>
internal readonly record struct PlanStep(int Piece, MigrationKind Kind, MemoryTier Tier, bool Writes);
