using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using TeraIO.Core.Interop;
using TeraIO.Core.Storage;
using TeraIO.Core.Tiers;

namespace TeraIO.Core.Transfers;

/// <summary>
/// Runs the transfers of one device: by priority, deadline and arrival, bounded in flight per direction, retried when the
/// failure may pass, checked by checksum. Thread-safe. Every started transfer completes exactly once.
/// </summary>
/// <remarks>
/// Threads: the caller only queues, and submits what needs no work before: reads, and writes that are not hashed or so short that
/// hashing them takes less time than waking a thread. A write thread computes the checksums of all other writes and submits them, so
/// that a training thread that evicts does not pay for hashing. The completion thread refills the device first and then verifies what
/// was read, so that hashing overlaps with the next I/O. Two threads of its own rather than the pool's: a pool starved by blocked
/// callers must not stop the transfer they wait for.
/// <para>Memory of a GPU is hashed there: by the completion thread, for all that has completed together, writes too. Before a write it is not complete yet: kernels may still be computing it, and only the
/// backend waits for them. Who lets kernels change memory during its write must not rely on the copy afterwards: neither its bytes nor its checksum are of one moment.</para>
/// </remarks>
internal sealed class TransferEngine : IDisposable
{
    /// <summary>Writes up to this length are hashed by whoever starts them.</summary>
    private const long ShortWriteBytes = 128 << 10;

    private const int MostCompletionsAtOnce = 64;

    private readonly ITransferBackend _backend;
    private readonly DeviceChecksums? _deviceChecksums;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly PathCondition _condition;
    private readonly TransferLane _reads;
    private readonly TransferLane _writes;
    private readonly Dictionary<ulong, Transfer> _inFlight = [];
    private readonly AutoResetEvent _writesWait = new(initialState: false);
    private readonly ManualResetEventSlim _drained = new();
    private readonly List<(Transfer Transfer, BackendCompletion Completion)> _finished = new(MostCompletionsAtOnce); // the completion thread's
    private readonly GdsMemoryRange[] _ranges = new GdsMemoryRange[MostCompletionsAtOnce];
    private readonly ulong[] _checksums = new ulong[MostCompletionsAtOnce];
    private readonly Thread _writeThread;
    private readonly Thread _completionThread;
    private ulong _lastToken;
    private int _unfinished;
    private bool _isDisposed;
    private bool _isBroken;
    private volatile bool _isStopping;

    /// <param name="backend">Owned from here on.</param>
    /// <param name="name">For thread names and log lines.</param>
    /// <param name="limits">What may be in flight.</param>
    /// <param name="logger">Told of retries and defects.</param>
    /// <param name="condition">Told how every transfer ended and when; null: nobody asks.</param>
    /// <param name="deviceChecksums">For transfers of a GPU's memory; null: the memory is the host's, or no transfer has its checksum computed. Not owned.</param>
    public TransferEngine(
        ITransferBackend backend, string name, TransferLimits limits, ILogger logger, PathCondition? condition = null, DeviceChecksums? deviceChecksums = null)
    {
        _deviceChecksums = deviceChecksums;
        _condition = condition ?? new PathCondition(stripeBytes: 0);
        _backend = backend;
        _logger = logger;
        _reads = new TransferLane(limits.ReadBytes, limits.TransfersPerDirection, _condition.Reads);
        _writes = new TransferLane(limits.WriteBytes, limits.TransfersPerDirection, _condition.Writes);
        _writeThread = new Thread(RunWrites) { IsBackground = true, Name = $"TeraIO writes {name}" };
        _completionThread = new Thread(RunCompletions) { IsBackground = true, Name = $"TeraIO completions {name}" };
        _writeThread.Start();
        _completionThread.Start();
    }

    public TransferCounters Counters { get; } = new();

    /// <summary>Transfers queued, in flight or being judged.</summary>
    public int Unfinished
    {
        get
        {
            lock (_lock)
                return _unfinished;
        }
    }

    /// <summary>Queues a transfer and returns; its owner is told when it ended.</summary>
    /// <exception cref="ObjectDisposedException">The engine is disposed; the transfer was not taken.</exception>
    public void Start(Transfer transfer)
    {
        bool isQueued;
        var direction = transfer.Direction;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _unfinished++;
            transfer.CancelRequested = false;
            transfer.Status = TransferStatus.Ok;
            transfer.SystemErrno = 0;
            transfer.BytesTransferred = 0;
            isQueued = !_isBroken;
            if (isQueued)
                Enqueue(transfer);
        }
        // From here on a queued transfer may have completed already and belong to its owner again.
        if (isQueued)
            Dispatch(direction);
        else
            Complete(transfer, TransferStatus.Closed);
    }

    /// <summary>
    /// Asks a transfer to end early. A queued one ends here and now; one in flight as the kernel allows, possibly with success. No
    /// effect on one that has ended.
    /// </summary>
    public void Cancel(Transfer transfer)
    {
        ulong token = 0;
        bool wasQueued = false;
        lock (_lock)
        {
            if (transfer.State == TransferState.Idle)
                return;
            transfer.CancelRequested = true;
            if (transfer.State == TransferState.Queued)
            {
                LaneOf(transfer.Direction).Remove(transfer);
                transfer.State = TransferState.Settling;
                wasQueued = true;
            }
            else if (transfer.State == TransferState.InFlight)
            {
                token = transfer.Token;
            }
        }
        if (wasQueued)
        {
            // What was put back may have waited for this one: the write thread looks after both lanes.
            _writesWait.Set();
            Complete(transfer, TransferStatus.Canceled);
        }
        else if (token != 0)
            _backend.Cancel(token);
    }

    /// <summary>Waits until every transfer has completed, then stops the threads and the backend. Not from a completion.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            if (_unfinished == 0)
                _drained.Set();
        }
        _drained.Wait();
        _isStopping = true;
        _writesWait.Set();
        if (!_isBroken)
            _backend.Wake();
        _writeThread.Join();
        _completionThread.Join();
        _backend.Dispose();
        _writesWait.Dispose();
        _drained.Dispose();
    }

    private TransferLane LaneOf(TransferDirection direction) => direction == TransferDirection.Read ? _reads : _writes;

    private void Enqueue(Transfer transfer)
    {
        transfer.State = TransferState.Queued;
        LaneOf(transfer.Direction).Enqueue(transfer);
    }

    /// <summary>Hands queued transfers to the backend as far as there is room, or has the write thread do it.</summary>
    private void Dispatch(TransferDirection direction)
    {
        if (direction == TransferDirection.Read)
            SubmitQueued(_reads);
        else if (!SubmitQuickWrites())
            _writesWait.Set();
    }

    /// <summary>
    /// Submits the next writes as long as that takes no time. Nothing completes here, unlike in <see cref="SubmitQueued"/>: whoever starts a write may hold a lock that the owner of another one needs to be told.
    /// </summary>
    /// <returns>Whether nothing is left for the write thread.</returns>
    private bool SubmitQuickWrites()
    {
        while (true)
        {
            Transfer? transfer;
            ulong token;
            lock (_lock)
            {
                if (!_writes.TryPeek(out var next))
                    return true;
                if (next.Length > ShortWriteBytes && IsHashedFirst(next))
                    return false;
                if (!TryTake(_writes, out transfer, out token))
                    return true;
            }
            if (HashAndSubmit(transfer, token) == TransferStatus.Ok)
                continue;
            // The write thread tries again, and takes it from there.
            lock (_lock)
            {
                if (_inFlight.Remove(token))
                    PutBack(_writes, transfer);
            }
            return false;
        }
    }

    private void SubmitQueued(TransferLane lane)
    {
        while (TryTake(lane, out var transfer, out ulong token))
        {
            var status = HashAndSubmit(transfer, token);
            if (status == TransferStatus.Busy && TryPutBack(lane, transfer, token))
                return;
            if (status == TransferStatus.Ok)
                continue;
            Settle(new BackendCompletion(token, status, SystemErrno: 0, Bytes: 0, LatencyNanoseconds: 0));
            // This loop goes on with its own lane; the other may hold what was put back until this one ended.
            Dispatch(lane == _reads ? TransferDirection.Write : TransferDirection.Read);
        }
    }

    private bool TryTake(TransferLane lane, [NotNullWhen(true)] out Transfer? transfer, out ulong token)
    {
        lock (_lock)
        {
            token = 0;
            if (!lane.TryDequeue(out transfer))
                return false;
            token = ++_lastToken;
            transfer.Token = token;
            transfer.State = TransferState.InFlight;
            _inFlight.Add(token, transfer);
            return true;
        }
    }

    /// <summary>Memory of a device is hashed when its write has ended.</summary>
    private bool IsHashedFirst(Transfer transfer) => transfer.Direction == TransferDirection.Write && !transfer.KeepsChecksum && _deviceChecksums is null;

    private TransferStatus HashAndSubmit(Transfer transfer, ulong token)
    {
        if (IsHashedFirst(transfer))
            transfer.Checksum = StripeChecksum.Compute(transfer.Memory, transfer.Length, transfer.ChecksumSeed);
        return Submit(transfer, token);
    }

    [SuppressMessage("Design", "CA1031", Justification = "A transfer that is not submitted must complete all the same, whatever went wrong.")]
    private TransferStatus Submit(Transfer transfer, ulong token)
    {
        try
        {
            if (IsCanceled(transfer, token))
                return TransferStatus.Canceled;
            var request = new BackendRequest(
                transfer.Direction, transfer.File, transfer.Memory, transfer.Offset, transfer.Length, token, (int)transfer.Priority, transfer.After);
            var status = _backend.Submit(request);
            // A Cancel that came before the backend knew the token had no effect there.
            if (status == TransferStatus.Ok && IsCanceled(transfer, token))
                _backend.Cancel(token);
            return status;
        }
        catch (Exception e)
        {
            _logger.LogError(e, "Submitting a transfer to {Path} failed", transfer.File.Path);
            return TransferStatus.Internal;
        }
    }

    private bool IsCanceled(Transfer transfer, ulong token)
    {
        lock (_lock)
            return transfer.Token == token && transfer.State == TransferState.InFlight && transfer.CancelRequested;
    }

    /// <summary>Back to the queue until another transfer completes; <see langword="false"/> if there is no other to wait for.</summary>
    private bool TryPutBack(TransferLane lane, Transfer transfer, ulong token)
    {
        lock (_lock)
        {
            if (_inFlight.Count == 1 || !_inFlight.Remove(token))
                return false;
            PutBack(lane, transfer);
            return true;
        }
    }

    private static void PutBack(TransferLane lane, Transfer transfer)
    {
        transfer.State = TransferState.Queued;
        if (transfer.CancelRequested)
            transfer.IsRepeated = true; // it only ends: it needs no place
        lane.PutBack(transfer);
    }

    private void RunWrites()
    {
        while (true)
        {
            _writesWait.WaitOne();
            if (_isStopping)
                return;
            SubmitQueued(_writes);
            SubmitQueued(_reads);
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Every other transfer depends on this thread: nothing may end it.")]
    private void RunCompletions()
    {
        var completions = new BackendCompletion[MostCompletionsAtOnce];
        while (!_isStopping)
        {
            try
            {
                var status = _backend.Wait(completions, out int count);
                if (_deviceChecksums is null)
                {
                    for (int i = 0; i < count; i++)
                        SettleAndDispatch(completions[i]);
                }
                else
                {
                    SettleTogether(completions.AsSpan(0, count), _deviceChecksums);
                }
                if (status is TransferStatus.Ok or TransferStatus.Timeout)
                    continue;
                Break(status);
                return;
            }
            catch (Exception e)
            {
                _logger.LogCritical(e, "Waiting for transfers failed");
                Break(TransferStatus.Internal);
                return;
            }
        }
    }

    /// <summary>The device gets its next work before this thread hashes what the last one brought.</summary>
    private void SettleAndDispatch(in BackendCompletion completion)
    {
        if (!TryFinish(completion, out var transfer))
            return;
        Dispatch(TransferDirection.Read);
        Dispatch(TransferDirection.Write);
        var direction = transfer.Direction;
        if (RetryOrComplete(transfer, completion))
            Dispatch(direction);
    }

    /// <summary>The same for a GPU's memory: one launch for all, while the next transfers are on their way.</summary>
    private void SettleTogether(ReadOnlySpan<BackendCompletion> completions, DeviceChecksums device)
    {
        _finished.Clear();
        foreach (ref readonly var completion in completions)
        {
            if (TryFinish(completion, out var transfer))
                _finished.Add((transfer, completion));
        }
        Dispatch(TransferDirection.Read);
        Dispatch(TransferDirection.Write);
        int count = 0;
        foreach (var (transfer, completion) in _finished)
        {
            if (NeedsDeviceChecksum(transfer, completion))
                _ranges[count++] = new GdsMemoryRange { Memory = transfer.Memory, Bytes = (ulong)transfer.Length, Seed = transfer.ChecksumSeed };
        }
        bool isComputed = TryCompute(device, count);
        int next = 0;
        foreach (var (transfer, completion) in _finished)
        {
            var judged = completion;
            var direction = transfer.Direction;
            if (NeedsDeviceChecksum(transfer, completion))
            {
                ulong checksum = _checksums[next++];
                if (!isComputed)
                    judged = completion with { Status = TransferStatus.DeviceError };
                else if (direction == TransferDirection.Write)
                    transfer.Checksum = checksum;
                else if (checksum != transfer.Checksum)
                    judged = completion with { Status = Corrupt() };
            }
            if (RetryOrComplete(transfer, judged))
                Dispatch(direction);
        }
    }

    private static bool NeedsDeviceChecksum(Transfer transfer, in BackendCompletion completion) =>
        completion.Status == TransferStatus.Ok && completion.Bytes == transfer.Length
        && (transfer.Direction == TransferDirection.Write ? !transfer.KeepsChecksum : transfer.VerifiesChecksum);

    [SuppressMessage("Design", "CA1031", Justification = "Transfers that completed must be reported all the same, whatever went wrong.")]
    private bool TryCompute(DeviceChecksums device, int count)
    {
        if (count == 0)
            return true;
        try
        {
            device.Compute(_ranges.AsSpan(0, count), _checksums);
            return true;
        }
        catch (Exception e)
        {
            // Bytes that nobody can check count as not moved.
            _logger.LogError(e, "The checksums of {Count} transfers could not be computed", count);
            return false;
        }
    }

    private TransferStatus Corrupt()
    {
        Counters.CountCorruption();
        return TransferStatus.Corrupt;
    }

    private void Settle(in BackendCompletion completion)
    {
        if (TryFinish(completion, out var transfer))
            RetryOrComplete(transfer, completion);
    }

    /// <summary>Takes an ended attempt out of flight; whoever gets it, and nobody else, decides what follows.</summary>
    private bool TryFinish(in BackendCompletion completion, [NotNullWhen(true)] out Transfer? transfer)
    {
        lock (_lock)
        {
            if (_inFlight.Remove(completion.Token, out transfer))
            {
                LaneOf(transfer.Direction).Release(transfer, moved: completion.Status == TransferStatus.Ok);
                transfer.State = TransferState.Settling;
                return true;
            }
        }
        Counters.CountStrayCompletion();
        _logger.LogError("A completion with the unknown token {Token} was ignored", completion.Token);
        return false;
    }

    /// <returns>Whether the transfer is queued again.</returns>
    private bool RetryOrComplete(Transfer transfer, in BackendCompletion completion)
    {
        var status = Judge(transfer, completion);
        if (TryRetry(transfer, status, completion.SystemErrno))
            return true;
        transfer.SystemErrno = completion.SystemErrno;
        transfer.BytesTransferred = completion.Bytes;
        Complete(transfer, status);
        return false;
    }

    private TransferStatus Judge(Transfer transfer, in BackendCompletion completion)
    {
        if (completion.Status != TransferStatus.Ok)
            return completion.Status;
        if (completion.Bytes != transfer.Length)
            return TransferStatus.ShortTransfer;
        if (transfer.Direction == TransferDirection.Write || !transfer.VerifiesChecksum || _deviceChecksums is not null)
            return TransferStatus.Ok;
        return StripeChecksum.Compute(transfer.Memory, transfer.Length, transfer.ChecksumSeed) == transfer.Checksum ? TransferStatus.Ok : Corrupt();
    }

    private bool TryRetry(Transfer transfer, TransferStatus status, int systemErrno)
    {
        if (!MayPass(status))
            return false;
        var direction = transfer.Direction;
        var path = transfer.File.Path;
        long offset = transfer.Offset;
        lock (_lock)
        {
            if (transfer.CancelRequested || transfer.RetriesLeft == 0 || _isBroken)
                return false;
            transfer.RetriesLeft--;
            transfer.State = TransferState.Queued;
            LaneOf(direction).Repeat(transfer);
        }
        Counters.CountRetry();
        _logger.LogWarning(
            "A {Direction} of {Path} at offset {Offset} ended with {Status} (errno {Errno}); trying again",
            direction, path, offset, status, systemErrno);
        return true;
    }

    private static bool MayPass(TransferStatus status) => status is not
        (TransferStatus.Ok or TransferStatus.Full or TransferStatus.Invalid or TransferStatus.Unsupported or TransferStatus.Closed);

    [SuppressMessage("Design", "CA1031", Justification = "An owner that throws must not take the other owners' transfers with it.")]
    private void Complete(Transfer transfer, TransferStatus status)
    {
        if (status == TransferStatus.Ok)
            Counters.CountSuccess(transfer);
        _condition.NoteEnd(transfer, status);
        lock (_lock)
        {
            transfer.Status = status;
            transfer.State = TransferState.Idle;
        }
        try
        {
            transfer.Owner.OnCompleted(transfer);
        }
        catch (Exception e)
        {
            _logger.LogCritical(e, "The owner of a transfer failed on its completion");
        }
        lock (_lock)
        {
            if (--_unfinished == 0 && _isDisposed)
                _drained.Set();
        }
    }

    /// <summary>Nothing can complete any more: take the memory back from the kernel, then tell every owner.</summary>
    private void Break(TransferStatus status)
    {
        _logger.LogCritical("The transfer queue {Backend} is broken ({Status}); its transfers fail", _backend.Name, status);
        var lost = new List<Transfer>();
        lock (_lock)
        {
            _isBroken = true;
            _reads.DrainTo(lost);
            _writes.DrainTo(lost);
        }
        _backend.Dispose();
        lock (_lock)
        {
            lost.AddRange(_inFlight.Values);
            _inFlight.Clear();
        }
        foreach (var transfer in lost)
            Complete(transfer, TransferStatus.Closed);
    }
}
