using TeraIO.Core.Residency;
using TeraIO.Core.Storage;

namespace TeraIO.Core.Runtime;

/// <summary>One block on its way out; see <see cref="EngineState.BeginOffload"/>.</summary>
/// <param name="Block">Which.</param>
/// <param name="Version">Of its bytes when it was chosen.</param>
/// <param name="IsCleanCandidate">The store should hold its bytes already.</param>
/// <param name="Hint">Where the bytes are to wait, and for how long.</param>
internal readonly record struct Offload(TensorBlock Block, int Version, bool IsCleanCandidate, WriteHint Hint);
