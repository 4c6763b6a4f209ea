namespace TeraIO.Core.Transfers;

/// <summary>What an engine has done since it began. Written by its threads, read by anyone.</summary>
internal sealed class TransferCounters
{
    private long _reads;
    private long _writes;
    private long _bytesRead;
    private long _bytesWritten;
    private long _retries;
    private long _corruptions;
    private long _strayCompletions;

    public long Reads => Volatile.Read(ref _reads);

    public long Writes => Volatile.Read(ref _writes);

    public long BytesRead => Volatile.Read(ref _bytesRead);

    public long BytesWritten => Volatile.Read(ref _bytesWritten);

    public long Retries => Volatile.Read(ref _retries);

    public long Corruptions => Volatile.Read(ref _corruptions);

    /// <summary>Completions of no known transfer: second ones, or a defect of the backend.</summary>
    public long StrayCompletions => Volatile.Read(ref _strayCompletions);

    public void CountSuccess(Transfer transfer)
    {
        bool isRead = transfer.Direction == TransferDirection.Read;
        Interlocked.Increment(ref isRead ? ref _reads : ref _writes);
        Interlocked.Add(ref isRead ? ref _bytesRead : ref _bytesWritten, transfer.Length);
    }

    public void CountRetry() => Interlocked.Increment(ref _retries);

    public void CountCorruption() => Interlocked.Increment(ref _corruptions);

    public void CountStrayCompletion() => Interlocked.Increment(ref _strayCompletions);
}
