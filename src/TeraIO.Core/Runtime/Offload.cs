using TeraIO.Core.Residency;

namespace TeraIO.Core.Runtime;

/// <summary>One block on its way out; see <see cref="EngineState.BeginOffload"/>.</summary>
/// <param name="Block">Which.</param>
/// <param name="Version">Of its bytes when it was chosen.</param>
/// <param name="IsCleanCandidate">The store should hold its bytes already.</param>
internal readonly record struct Offload(TensorBlock Block, int Version, bool IsCleanCandidate);
