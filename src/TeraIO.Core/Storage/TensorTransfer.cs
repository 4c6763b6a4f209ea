using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>
/// One write or read of a whole tensor: a transfer per stripe, ended when the last of them has. Pooled by the store together with
/// its transfers, so that a tensor's journey allocates nothing once the pool is warm.
/// </summary>
internal sealed class TensorTransfer : ITransferOwner, IValueTaskSource
{
    private const int WriteRetries = 2;
    private const int RelocationsPerTransfer = 4;

    private static readonly Action<object?> _cancel = static state => ((TensorTransfer)state!).Cancel();

    private readonly TensorStore _store;
    // Guards which engine has which stripe, against a cancel that meets a relocation.
    private readonly Lock _lock = new();
    private readonly List<Transfer> _transfers = [];
    private readonly List<TransferEngine> _engines = [];

    private ManualResetValueTaskSourceCore<bool> _end;
    private StoredCopy _copy = null!;
    private nint _memory;
    private TransferDirection _direction;
    private TransferFences _fences;
    private CancellationToken _cancellation;
    private CancellationTokenRegistration _registration;
    private Transfer? _failed;
    private int _failedPath;
    private bool _isCanceled;
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
    /// <param name="fences">What it comes after, and what is signalled at its end.</param>
    /// <param name="cancellation">Ends it early.</param>
    public ValueTask Run(
        StoredCopy copy, nint memory, TransferDirection direction, TransferPriority priority, bool continuesInline, TransferFences fences,
        CancellationToken cancellation)
    {
        _end.RunContinuationsAsynchronously = !continuesInline;
        _copy = copy;
        _memory = memory;
        _direction = direction;
        _fences = fences;
        _cancellation = cancellation;
        _failed = null;
        _isCanceled = false;
        _relocationsLeft = RelocationsPerTransfer;
        // One more than stripes: the end may come only after this method has let go.
        _remaining = copy.Stripes.Length + 1;
        var end = new ValueTask(this, _end.Version);
        Prepare(priority);
        for (int i = 0; i < copy.Stripes.Length; i++)
            _engines[i].Start(_transfers[i]);
        if (cancellation.CanBeCanceled)
            _registration = cancellation.UnsafeRegister(_cancel, this);
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
            transfer.Memory = _memory + (nint)position;
            transfer.Length = stripe.Length;
            transfer.Priority = priority;
            transfer.ChecksumSeed = StripeChecksum.Seed(_copy.TensorId, _copy.Generation, i);
            transfer.VerifiesChecksum = _store.Options.VerifyReads;
            transfer.IsDeviceMemory = _store.Options.MovesDeviceMemory;
            transfer.After = _fences.After;
            transfer.Checksum = stripe.Checksum;
            Aim(transfer, stripe);
            position += stripe.Length;
        }
        Debug.Assert(position == _copy.Bytes, "the stripes of a tensor cover it exactly");
    }

    private void Aim(Transfer transfer, in Stripe stripe)
    {
        var path = _store.Paths[stripe.PathIndex];
        _engines[transfer.Index] = path.Engine;
        transfer.File = path.File;
        transfer.Offset = stripe.Offset;
        // A repeated write wears the device as the first one did: under a limit it is relocated instead, which counts.
        transfer.RetriesLeft = _direction == TransferDirection.Read ? _store.Options.ReadRetries : path.HasWriteLimit ? 0 : WriteRetries;
    }

    private static void NoteWritten(ref Stripe stripe, ulong checksum)
    {
        stripe.Checksum = checksum;
        stripe.IsBad = false;
    }

    /// <summary>A stripe that its extent refuses goes elsewhere; the source in memory is still whole.</summary>
    private bool TryRelocate(Transfer transfer)
    {
        if (_direction == TransferDirection.Read || transfer.Status is TransferStatus.Full or TransferStatus.Canceled)
            return false;
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
                (_failed, _failedPath) = (transfer, _copy.Stripes[transfer.Index].PathIndex);
        }
    }

    private void Cancel()
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
        var error = FindError();
        if (_direction == TransferDirection.Write)
            _copy.EndWrite(complete: error is null);
        else
            EndRead(isWhole: error is null);
        _copy = null!;
        error = Signal(error);
        _store.EndTransfer();
        if (error is null)
            _end.SetResult(true);
        else
            _end.SetException(error);
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
        catch (TeraIOException refused)
        {
            // The fence was not armed for this transfer. Nobody would hear of it if the transfer did not end.
            return error ?? refused;
        }
    }

    private unsafe void EndRead(bool isWhole)
    {
        // Half a tensor looks like a tensor: whoever ignores the error must not train on it. A device's memory is out of the CPU's reach.
        if (!isWhole && !_store.Options.MovesDeviceMemory)
            NativeMemory.Clear((void*)_memory, (nuint)_copy.Bytes);
        _copy.EndRead();
    }

    private Exception? FindError()
    {
        if (_failed is not null)
            return StripeFailure.Describe(_failed, _store.Paths[_failedPath].Path, _copy);
        // A cancel that came too late changed nothing.
        bool anyCanceled = false;
        for (int i = 0; i < _copy.Stripes.Length; i++)
            anyCanceled |= _transfers[i].Status == TransferStatus.Canceled;
        return anyCanceled ? new OperationCanceledException(_cancellation) : null;
    }
}
