using System.Buffers.Binary;
using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using TeraIO.Core.Interop;

namespace TeraIO.Core.Leases;

/// <summary>
/// What the stores that share a device agree on: one small file, of which each store has its own opening. The file's bytes are counters; who is alive and who
/// holds what is in the kernel's byte-range locks, which a process loses at its death, however it dies. Thread-safe.
/// </summary>
/// <remarks>
/// Locked bytes: 0 is the door, held only to change counters; from 2^60 one byte per member; below that the tickets of the queues (<see cref="LeaseQueue"/>).
/// The last member to leave removes the file. A file that the last member's death left behind is used again by the next and removed then.
/// </remarks>
internal sealed class LeaseFile : IDisposable
{
    private const long Magic = 0x45534145_4C4F4954; // "TIOLEASE", little-endian
    private const long Door = 0;
    private const long FirstMember = 1L << 60;
    private const long MostMembers = 1L << 32;
    private const int MagicAt = 0;
    private const int SlotsAt = 8;
    private const int NextMemberAt = 16;
    private const int NextTicketsAt = 24;

    private static readonly ConcurrentDictionary<LeaseFile, bool> _live = new();

    private readonly Lock _doorLock = new(); // byte locks do not exclude threads that use the same opening
    private readonly SafeFileHandle _file;
    private readonly long _member;
    private readonly string _path;

    static LeaseFile() => AppDomain.CurrentDomain.ProcessExit += static (_, _) =>
    {
        foreach (LeaseFile file in _live.Keys) file.Dispose();
    };

    private LeaseFile(string path, SafeFileHandle file, long member, int slots)
    {
        _path = path;
        _file = file;
        _member = member;
        Slots = slots;
        _live[this] = true;
    }

    /// <summary>Leases of one queue held at once.</summary>
    public int Slots { get; }

    internal SafeFileHandle Handle => _file;

    /// <summary>Becomes a member of <paramref name="path"/>, created if need be.</summary>
    /// <exception cref="ConfigurationException">The file cannot be used, belongs to someone else, or live members use another number of slots.</exception>
    public static LeaseFile Join(string path, int slots)
    {
        while (true)
        {
            SafeFileHandle? file = null;
            try
            {
                file = NativeMethods.LibC.OpenOrCreate(path);
                if (TryJoin(path, file, slots) is { } joined) return joined;
            }
            catch (IOException e)
            {
                file?.Dispose();
                throw new ConfigurationException(
                    $"The lease file {path} cannot be used: {e.Message} Choose another LeaseOptions.Directory, or leave StoreOptions.Leases out.", e)
                { Path = path };
            }
            catch
            {
                file?.Dispose();
                throw;
            }

            file.Dispose(); // the last member has just removed it
        }
    }

    /// <summary>Members alive now, this one included.</summary>
    /// <exception cref="IOException">The kernel refuses to say.</exception>
    public int CountMembers() => 1 + CountOthers(_file, FirstMember, MostMembers);

    /// <summary>
    /// Issues the next ticket of a queue. <paramref name="claim"/> runs with the door closed, before the ticket is published: a death in between leaves no gap.
    /// </summary>
    /// <exception cref="IOException">The kernel refuses.</exception>
    public long IssueTicket(int queue, Action<long> claim)
    {
        lock (_doorLock)
        {
            NativeMethods.OfdLocks.LockExclusive(_file, Door, 1);
            try
            {
                long ticket = ReadNumber(_file, NextTicketsAt + 8 * queue);
                claim(ticket);
                WriteNumber(_file, NextTicketsAt + 8 * queue, ticket + 1);
                return ticket;
            }
            finally
            {
                NativeMethods.OfdLocks.Unlock(_file, Door, 1);
            }
        }
    }

    /// <summary>The ticket that the queue issues next.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public long NextTicket(int queue) => ReadNumber(_file, NextTicketsAt + 8 * queue);

    /// <summary>Leaves; the last one out removes the file. What waits in the kernel for this opening ends by itself.</summary>
    public void Dispose()
    {
        if (!_live.TryRemove(this, out _)) return;
        try
        {
            lock (_doorLock)
            {
                NativeMethods.OfdLocks.LockExclusive(_file, Door, 1);
                NativeMethods.OfdLocks.Unlock(_file, FirstMember + _member, 1);
                if (CountOthers(_file, FirstMember, MostMembers) == 0) File.Delete(_path);
                NativeMethods.OfdLocks.Unlock(_file, Door, 1);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The file stays: the next member uses it and tries again.
        }

        _file.Dispose();
    }

    /// <returns>Null when the file has lost its name.</returns>
    private static LeaseFile? TryJoin(string path, SafeFileHandle file, int slots)
    {
        NativeMethods.OfdLocks.LockExclusive(file, Door, 1);
        try
        {
            NativeMethods.OfdLocks.FileStatus status = NativeMethods.OfdLocks.StatusOf(file);
            if (status.Links == 0) return null;
            if (status.Owner != NativeMethods.OfdLocks.EffectiveUser())
                throw new ConfigurationException($"The lease file {path} belongs to user {status.Owner}. Choose another LeaseOptions.Directory.") { Path = path };
            bool isAlone = CountOthers(file, FirstMember, MostMembers) == 0;
            if (ReadNumber(file, MagicAt) != Magic)
            {
                if (!isAlone || RandomAccess.GetLength(file) != 0)
                    throw new ConfigurationException($"The file {path} is not a lease file. Remove it or choose another LeaseOptions.Directory.") { Path = path };
                WriteNumber(file, MagicAt, Magic);
            }

            if (isAlone) WriteNumber(file, SlotsAt, slots);
            long agreed = ReadNumber(file, SlotsAt);
            if (agreed != slots)
            {
                throw new ConfigurationException(
                    $"LeaseOptions.Slots is {slots}, but stores that use {path} now have {agreed}. Use the same number in every process.")
                { Path = path };
            }

            // Numbers go on where a dead membership left off: nobody gets a byte that a dying process may still hold for a moment.
            long member = ReadNumber(file, NextMemberAt);
            NativeMethods.OfdLocks.LockExclusive(file, FirstMember + member, 1);
            WriteNumber(file, NextMemberAt, member + 1);
            return new LeaseFile(path, file, member, slots);
        }
        finally
        {
            NativeMethods.OfdLocks.Unlock(file, Door, 1);
        }
    }

    /// <summary>The kernel names any lock in a range, not the first: look on both sides of what it names.</summary>
    private static int CountOthers(SafeFileHandle file, long start, long length)
    {
        if (length <= 0 || !NativeMethods.OfdLocks.TryFindOther(file, start, length, out long found, out long foundLength)) return 0;
        long after = found + foundLength;
        return 1 + CountOthers(file, start, found - start) + CountOthers(file, after, start + length - after);
    }

    private static long ReadNumber(SafeFileHandle file, long offset)
    {
        Span<byte> bytes = stackalloc byte[8];
        return RandomAccess.Read(file, bytes, offset) == 8 ? BinaryPrimitives.ReadInt64LittleEndian(bytes) : 0;
    }

    private static void WriteNumber(SafeFileHandle file, long offset, long number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        RandomAccess.Write(file, bytes, offset);
    }
}
