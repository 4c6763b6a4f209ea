using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;
using TeraIO.Core.Tiers;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>
/// One write or read of a whole tensor: a transfer per stripe, ended when the last of them has. Pooled by the store together with
/// its transfers, so that a tensor's journey allocates nothing once the pool is warm.
/// </summary>
internal sealed class TensorTransfer : ITransferOwner, IValueTaskSource, IDisposable
{
    private const int WriteRetries = 2;
    private const int RelocationsPerTransfer = 4;

    private static readonly Action<object?> _cancel = static state => ((TensorTransfer)state!).Cancel(isLate: false);
    private static readonly Action<object?> _expire = static state => ((TensorTransfer)state!).Cancel(isLate: true);

    private readonly TensorStore _store;
    // Guards which engine has which stripe, against a cancel that meets a relocation.
    private readonly Lock _lock = new();
    private readonly List<Transfer> _transfers = [];
    private readonly List<TransferEngine> _engines = [];

    private ManualResetValueTaskSourceCore<bool> _end;
    private StoredCopy _copy = null!;
    private nint _memory;
    private TransferDirection _direction;
    private TransferRoute _route;
    private HostCopy? _host;
    private TransferFences _fences;
    private CancellationToken _cancellation;
    private CancellationTokenRegistration _registration;
    private Deadline? _deadline;
    private CancellationTokenSource? _clock; // kept for the next deadline
    private CancellationTokenRegistration _expiry;
    private Transfer? _failed;
    private bool _isCanceled;
    private bool _isLate;
    private int _relocationsLeft;
    private int _remaining;

    public TensorTransfer(TensorStore store) => _store = store;

    /// <summary>Starts every stripe. The copy has been marked as written or read.</summary>
    /// <param name="copy">What is written or read.</param>
    /// <param name="memory">Address of the bytes.</param>
    /// <param name="direction">Which way.</param>
    /// <param name="priority">Against other transfers of the store.</param>
    /// <param name="continuesInline">
    /// The continuation runs on the completion thread. Else it leaves it: user code there could wait for a transfer that only this thread completes.
    /// </param>
    /// <param name="deadline">When it is to be given up, or null.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <param name="route">Between which places.</param>
    /// <param name="host">The copy's place in host memory, where the route needs one; in use until the transfer ends.</param>
    /// <param name="fences">What it comes after, and what is signalled at its end.</param>
    public ValueTask Run(
        StoredCopy copy, nint memory, TransferDirection direction, TransferPriority priority, bool continuesInline, Deadline? deadline, CancellationToken cancellation,
        TransferRoute route = TransferRoute.Whole, HostCopy? host = null, TransferFences fences = default)
    {
        _end.RunContinuationsAsynchronously = !continuesInline;
        _copy = copy;
        _memory = memory;
        _direction = direction;
        _route = route;
        _host = host;
        _fences = fences;
        _cancellation = cancellation;
        _deadline = deadline;
        _failed = null;
        _isCanceled = false;
        _isLate = false;
        _relocationsLeft = RelocationsPerTransfer;
        // One more than stripes: the end may come only after this method has let go.
        _remaining = copy.Stripes.Length + 1;
        var end = new ValueTask(this, _end.Version);
        Prepare(priority);
        for (int i = 0; i < copy.Stripes.Length; i++)
            _engines[i].Start(_transfers[i]);
        if (cancellation.CanBeCanceled)
            _registration = cancellation.UnsafeRegister(_cancel, this);
        if (deadline is { } limit)
            StartClock(limit);
        FinishPart();
        return end;
    }

    public void OnCompleted(Transfer transfer)
    {
        if (transfer.Status == TransferStatus.Ok)
        {
            if (_direction == TransferDirection.Write)
                NoteWritten(ref _copy.Stripes[transfer.Index], transfer.Checksum);
        }
        else if (TryRelocate(transfer))
        {
            return;
        }
        else
        {
            NoteFailure(transfer);
        }
        FinishPart();
    }

    void IValueTaskSource.GetResult(short token)
    {
        try
        {
            _end.GetResult(token);
        }
        finally
        {
            _end.Reset();
            _store.Return(this);
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _end.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _end.OnCompleted(continuation, state, token, flags);

    /// <summary>Once nothing uses it any more.</summary>
    public void Dispose() => _clock?.Dispose();

    private void StartClock(Deadline deadline)
    {
        // One that has fired is left to the collector: the thread that it fired on may still be in it.
        if (_clock is null || !_clock.TryReset())
            _clock = new CancellationTokenSource();
        _expiry = _clock.Token.UnsafeRegister(_expire, this);
        _clock.CancelAfter(deadline.Left);
    }

    private void Prepare(TransferPriority priority)
    {
        long position = 0;
        for (int i = 0; i < _copy.Stripes.Length; i++)
        {
            ref readonly var stripe = ref _copy.Stripes[i];
            if (i == _transfers.Count)
            {
                _transfers.Add(new Transfer(this, i));
                _engines.Add(null!);
            }
            var transfer = _transfers[i];
            transfer.Direction = _direction;
            transfer.Memory = _route == TransferRoute.Spill ? _store.HostTier!.AddressOf(_host!.Offsets[i]) : _memory + (nint)position;
            transfer.Length = stripe.Length;
            transfer.Priority = priority;
            transfer.Deadline = _deadline?.End ?? long.MaxValue;
            transfer.ChecksumSeed = StripeChecksum.Seed(_copy.TensorId, _copy.Generation, i);
            transfer.VerifiesChecksum = _store.VerifiesReads;
            transfer.KeepsChecksum = !_store.VerifiesReads || _route == TransferRoute.Spill;
            transfer.After = _fences.After;
            transfer.Checksum = stripe.Checksum;
            Aim(transfer, stripe);
            position += stripe.Length;
        }
        Debug.Assert(position == _copy.Bytes, "the stripes of a tensor cover it exactly");
    }

    private void Aim(Transfer transfer, in Stripe stripe)
    {
        if (_route == TransferRoute.HostMemory)
        {
            _engines[transfer.Index] = _store.HostTier!.Engine;
            transfer.File = _store.HostTier.File;
            transfer.Offset = _host!.Offsets[transfer.Index];
            transfer.RetriesLeft = _direction == TransferDirection.Read ? _store.Options.ReadRetries : WriteRetries;
            return;
        }
        var path = _store.Paths[stripe.PathIndex];
        _engines[transfer.Index] = path.Engine;
        transfer.File = path.File;
        transfer.Offset = stripe.Offset;
        // A repeated write wears the device as the first one did: under a limit it is relocated instead, which counts.
        transfer.RetriesLeft = _direction == TransferDirection.Read ? _store.Options.ReadRetries : path.HasWriteLimit ? 0 : WriteRetries;
    }

    private void NoteWritten(ref Stripe stripe, ulong checksum)
    {
        stripe.Checksum = checksum;
        if (_route != TransferRoute.HostMemory)
            stripe.IsBad = false;
    }

    /// <summary>A stripe that its extent refuses goes elsewhere; the source in memory is still whole.</summary>
    private bool TryRelocate(Transfer transfer)
    {
        if (_direction == TransferDirection.Read || _route == TransferRoute.HostMemory || transfer.Status is TransferStatus.Full or TransferStatus.Canceled
            || DeviceFault.IsOfGpu(transfer.Status, transfer.SystemErrno))
        {
            return false;
        }
        lock (_lock)
        {
            ref var stripe = ref _copy.Stripes[transfer.Index];
            if (_isCanceled || !_store.Placement.TryRelocate(ref stripe, ref _relocationsLeft))
            {
                stripe.IsBad = transfer.Status == TransferStatus.IoError;
                return false;
            }
            Aim(transfer, stripe);
            _engines[transfer.Index].Start(transfer);
            return true;
        }
    }

    private void NoteFailure(Transfer transfer)
    {
        lock (_lock)
        {
            if (transfer.Status == TransferStatus.Canceled)
                _isCanceled = true;
            else if (_failed is null || transfer.Index < _failed.Index)
                _failed = transfer;
        }
    }

    private void Cancel(bool isLate)
    {
        // Holding a part keeps the end away, and with it the reuse of this object for another tensor.
        int seen = Volatile.Read(ref _remaining);
        while (true)
        {
            if (seen == 0)
                return;
            int found = Interlocked.CompareExchange(ref _remaining, seen + 1, seen);
            if (found == seen)
                break;
            seen = found;
        }
        lock (_lock)
        {
            _isCanceled = true;
            _isLate |= isLate;
            for (int i = 0; i < _copy.Stripes.Length; i++)
                _engines[i].Cancel(_transfers[i]);
        }
        FinishPart();
    }

    private void FinishPart()
    {
        if (Interlocked.Decrement(ref _remaining) == 0)
            Finish();
    }

    private void Finish()
    {
        _registration.Dispose();
        _registration = default;
        _expiry.Dispose();
        _expiry = default;
        if (_deadline is not null)
            _clock!.CancelAfter(Timeout.InfiniteTimeSpan);
        var error = FindError();
        if (_direction == TransferDirection.Read && error is not null)
            ClearDestination();
        bool isWhole = _route == TransferRoute.Whole;
        if (isWhole)
            EndCopy(isComplete: error is null);
        _copy = null!;
        _host = null;
        error = Signal(error);
        if (isWhole)
            _store.EndTransfer();
        if (error is null)
            _end.SetResult(true);
        else
            _end.SetException(error);
    }

    private void EndCopy(bool isComplete)
    {
        if (_direction == TransferDirection.Write)
            _copy.EndWrite(isComplete);
        else
            _copy.EndRead();
    }

    /// <summary>Whatever came of the transfer: a stream that waits must go on.</summary>
    private Exception? Signal(Exception? error)
    {
        var fence = _fences.Signals;
        _fences = default;
        if (fence is null)
            return error;
        var (status, code) = error is null ? (TransferStatus.Ok, 0) : _failed is null ? (TransferStatus.Canceled, 0) : (_failed.Status, _failed.SystemErrno);
        try
        {
            fence.Signal(status, code);
            return error;
        }
        catch (Exception refused) when (refused is TeraIOException or ObjectDisposedException)
        {
            // The fence was not armed for this transfer, or is gone. Nobody would hear of it if the transfer did not end.
            return error ?? refused;
        }
    }

    private unsafe void ClearDestination()
    {
        // Half a tensor looks like a tensor: whoever ignores the error must not train on it. A device's memory is out of the CPU's reach.
        if (!_store.Options.MovesDeviceMemory)
            NativeMemory.Clear((void*)_memory, (nuint)_copy.Bytes);
    }

    private Exception? FindError()
    {
        if (_failed is not null)
            return StripeFailure.Describe(_failed, PlaceOf(_failed), _copy);
        // A cancel that came too late changed nothing.
        int canceled = 0;
        Transfer? first = null;
        for (int i = _copy.Stripes.Length - 1; i >= 0; i--)
        {
            if (_transfers[i].Status != TransferStatus.Canceled)
                continue;
            canceled++;
            first = _transfers[i];
        }
        return first is null ? null
            : _isLate && !_cancellation.IsCancellationRequested ? StripeFailure.Late(_direction, _deadline!.Value.Allowed, canceled, PlaceOf(first), _copy)
            : new OperationCanceledException(_cancellation);
    }

    private string PlaceOf(Transfer transfer) =>
        _route == TransferRoute.HostMemory ? transfer.File.Path : _store.Paths[_copy.Stripes[transfer.Index].PathIndex].Path;
}
