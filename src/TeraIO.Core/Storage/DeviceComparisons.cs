using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>
/// Compares tensors in a device's memory with their copies, one after the other, each when the kernels before its fence have finished, on a thread of its own that sleeps meanwhile. The store's transfers do not
/// wait for it: what compute streams wait for is moved and verified whether or not a fence here passes. Thread-safe, but for <see cref="Dispose"/>, which may come only when nothing is under way.
/// </summary>
internal sealed class DeviceComparisons : IDisposable
{
    private readonly record struct Comparison(StoredCopy Copy, nint Source, TransferFence? After, TaskCompletionSource<bool> End);

    private readonly Func<StoredCopy, nint, bool> _matches;
    private readonly BlockingCollection<Comparison> _waiting = [];
    private readonly Thread _thread;

    /// <param name="matches">Compares at once; called on the thread, and may throw.</param>
    public DeviceComparisons(Func<StoredCopy, nint, bool> matches)
    {
        _matches = matches;
        _thread = new Thread(Run) { IsBackground = true, Name = "TeraIO comparisons" };
        _thread.Start();
    }

    /// <summary>Whether the memory has the copy's bytes when the kernels before <paramref name="after"/> have finished.</summary>
    /// <param name="copy">Nothing may change it before the task has ended.</param>
    /// <param name="source">Address of its bytes.</param>
    /// <param name="after">Recorded, and not to be recorded again before the task has ended; null: the bytes are there.</param>
    /// <returns>Its continuations run on the thread and must not block. Fails where the kernels did, or the comparison.</returns>
    public Task<bool> Begin(StoredCopy copy, nint source, TransferFence? after)
    {
        var comparison = new Comparison(copy, source, after, new TaskCompletionSource<bool>());
        _waiting.Add(comparison);
        return comparison.End.Task;
    }

    public void Dispose()
    {
        _waiting.CompleteAdding();
        _thread.Join();
        _waiting.Dispose();
    }

    private void Run()
    {
        foreach (var next in _waiting.GetConsumingEnumerable())
            Compare(next);
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whoever waits for the comparison hears of it; the others depend on this thread.")]
    private void Compare(Comparison next)
    {
        bool isSame;
        try
        {
            next.After?.Wait(Timeout.InfiniteTimeSpan);
            isSame = _matches(next.Copy, next.Source);
        }
        catch (Exception e)
        {
            next.End.SetException(e);
            return;
        }
        next.End.SetResult(isSame);
    }
}
