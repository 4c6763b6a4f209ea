using System.Diagnostics.CodeAnalysis;

namespace TeraIO.Core.Tiers;

/// <summary>A copy from host memory to the paths that is under way.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A source without a timer and a wait handle holds nothing, and a cancel may come after the end.")]
internal sealed class HostSpill
{
    private readonly CancellationTokenSource _cancel = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public CancellationToken Cancellation => _cancel.Token;

    /// <summary>Ends, always without an error, when the host memory and the extents are free for another transfer.</summary>
    public Task Ended => _ended.Task;

    /// <summary>The copy was released meanwhile: its place in host memory and its extents go when the spill ends.</summary>
    public bool FreesCopy { get; set; }

    /// <summary>Its bytes are not needed any more. Not under the tier's lock: transfers may end in here.</summary>
    public void Cancel() => _cancel.Cancel();

    public void End() => _ended.SetResult();
}
