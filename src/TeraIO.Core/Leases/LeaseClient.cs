using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace TeraIO.Core.Leases;

/// <summary>Has transfers that wait for a lease.</summary>
internal interface ILeaseUser
{
    /// <summary>A lease is there: begin what waits, in order, until <see cref="LeaseClient.TryBegin"/> refuses. Must not block.</summary>
    void OnGranted();
}

/// <summary>
/// A store's side of one queue: asks for a lease when a transfer wants one, lets transfers begin until its bytes are used up, and gives it back when they have ended. A
/// thread of its own waits in the kernel. Thread-safe.
/// </summary>
/// <remarks>
/// A lease whose bytes are used up goes on without a break when nobody is behind it. A holder never waits for anything but its transfers in flight,
/// so leases cannot deadlock, in whatever order stores ask for them. When the kernel refuses (no locks left), transfers go on without leases and the log says so:
/// correctness never depends on them.
/// </remarks>
internal sealed class LeaseClient : IDisposable
{
    private const long None = -1;

    private enum Phase
    {
        Idle,
        Waiting,
        Held,
        Closing, // nothing more begins; ends with the last transfer in flight
    }

    private readonly object _sync = new();
    private readonly LeaseQueue _queue;
    private readonly long _bytesPerLease;
    private readonly ILogger _logger;
    private readonly string _name;
    private readonly List<ILeaseUser> _users = [];
    private readonly Thread _thread;
    private Phase _phase;
    private long _ticket = None;
    private long _bytesLeft;
    private int _inFlight;
    private int _waiting;
    private int _nextUser;
    private bool _isGranting;
    private bool _isBroken;
    private bool _isStopping;
    private long _waitBegan;
    private long _holdBegan;
    private long _waitedTicks;
    private long _longestWait;
    private long _heldTicks;
    private long _holds;
    private long _renewals;
    private long _bytes;

    public LeaseClient(LeaseQueue queue, string name, long bytesPerLease, ILogger logger)
    {
        _queue = queue;
        _name = name;
        _bytesPerLease = bytesPerLease;
        _logger = logger;
        _thread = new Thread(Run) { IsBackground = true, Name = $"TeraIO lease {name}" };
        _thread.Start();
    }

    public LeaseStatistics Statistics
    {
        get
        {
            lock (_sync)
            {
                long held = _heldTicks + (_phase is Phase.Held or Phase.Closing ? Stopwatch.GetTimestamp() - _holdBegan : 0);
                return new LeaseStatistics(_name, _holds, _renewals, new ByteSize(_bytes), Time(_waitedTicks), Time(_longestWait), Time(held));
            }
        }
    }

    public void Attach(ILeaseUser user)
    {
        lock (_sync) _users.Add(user);
    }

    public void Detach(ILeaseUser user)
    {
        lock (_sync) _users.Remove(user);
    }

    /// <summary>
    /// Whether a transfer may begin now; then <see cref="End"/> follows. Otherwise it waits: its user is told when there is a lease, or calls <see cref="Withdraw"/>.
    /// </summary>
    /// <param name="bytes">Its length.</param>
    /// <param name="wasWaiting">It was refused before.</param>
    public bool TryBegin(long bytes, bool wasWaiting)
    {
        lock (_sync)
        {
            if (_isBroken || (_phase == Phase.Held && (_bytesLeft > 0 || TryRenew())))
            {
                _bytesLeft -= bytes;
                _bytes += bytes;
                _inFlight++;
                if (wasWaiting) _waiting--;
                return true;
            }

            if (wasWaiting) return false;
            if (_waiting++ == 0)
            {
                _waitBegan = Stopwatch.GetTimestamp();
                Monitor.PulseAll(_sync);
            }

            return false;
        }
    }

    /// <summary>A transfer that began has ended.</summary>
    public void End()
    {
        lock (_sync)
        {
            if (--_inFlight == 0 && _phase == Phase.Closing) Monitor.PulseAll(_sync);
        }
    }

    /// <summary>A transfer that waits is no longer wanted. When it was the last one, the place in the queue is given up.</summary>
    public void Withdraw()
    {
        lock (_sync)
        {
            if (--_waiting > 0 || _phase != Phase.Waiting) return;
            GiveUpTicket();
        }
    }

    /// <summary>Gives the lease back when nothing is in flight: its user has nothing more to begin now.</summary>
    public void CloseIfIdle()
    {
        lock (_sync)
        {
            if (_phase != Phase.Held || _inFlight > 0 || _isGranting) return;
            Close();
        }
    }

    /// <summary>Gives up the lease or the place in the queue. After the last transfer; the thread ends by itself when the kernel lets it go.</summary>
    public void Dispose()
    {
        lock (_sync)
        {
            _isStopping = true;
            GiveUpTicket();
            Monitor.PulseAll(_sync);
        }
    }

    private static TimeSpan Time(long ticks) => Stopwatch.GetElapsedTime(0, ticks);

    /// <summary>More bytes for a lease that nobody waits for; otherwise it closes.</summary>
    private bool TryRenew()
    {
        if (HasSuccessor())
        {
            Close();
            return false;
        }

        _renewals++;
        _bytesLeft = _bytesPerLease;
        return true;
    }

    private bool HasSuccessor()
    {
        try
        {
            return _queue.HasSuccessor(_ticket);
        }
        catch (IOException)
        {
            return true; // what is wrong shows when the next lease is asked for
        }
    }

    private void Close()
    {
        _phase = Phase.Closing;
        if (_inFlight == 0) Monitor.PulseAll(_sync);
    }

    private void GiveUpTicket()
    {
        if (_ticket == None) return;
        long ticket = _ticket;
        _ticket = None;
        try
        {
            _queue.Leave(ticket);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            _logger.LogWarning(e, "A place in the lease queue {Name} could not be given up", _name);
        }
    }

    private void Run()
    {
        try
        {
            while (AwaitDemand())
            {
                if (AwaitLease())
                {
                    Grant();
                    AwaitEnd();
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            lock (_sync)
            {
                if (_isStopping) return;
                _isBroken = true;
                _phase = Phase.Idle;
            }

            _logger.LogError(e, "Leases of {Name} do not work any more; its transfers go on without", _name);
            Grant();
        }
    }

    private bool AwaitDemand()
    {
        lock (_sync)
        {
            while (_waiting == 0 && !_isStopping) Monitor.Wait(_sync);
            _phase = Phase.Waiting;
            return !_isStopping;
        }
    }

    /// <returns>False when it was given up meanwhile.</returns>
    private bool AwaitLease()
    {
        long ticket = _queue.Enter();
        lock (_sync)
        {
            _ticket = ticket;
            if (_waiting == 0 || _isStopping) GiveUpTicket();
        }

        _queue.Wait(ticket);
        lock (_sync)
        {
            if (_ticket == None)
            {
                _phase = Phase.Idle;
                return false;
            }

            _holdBegan = Stopwatch.GetTimestamp();
            long waited = _holdBegan - _waitBegan;
            _waitedTicks += waited;
            _longestWait = Math.Max(_longestWait, waited);
            _waitBegan = _holdBegan; // of what this lease has no bytes for
            _holds++;
            _phase = Phase.Held;
            _bytesLeft = _bytesPerLease;
            _isGranting = true;
            return true;
        }
    }

    /// <summary>Each time another user begins, so that none takes every lease's bytes.</summary>
    private void Grant()
    {
        ILeaseUser[] users;
        int first;
        lock (_sync)
        {
            users = [.. _users];
            first = _nextUser++;
        }

        for (int i = 0; i < users.Length; i++) users[(first + i) % users.Length].OnGranted();
        lock (_sync) _isGranting = false;
        CloseIfIdle();
    }

    private void AwaitEnd()
    {
        lock (_sync)
        {
            while ((_phase != Phase.Closing || _inFlight > 0) && !_isStopping) Monitor.Wait(_sync);
            GiveUpTicket();
            _heldTicks += Stopwatch.GetTimestamp() - _holdBegan;
            _phase = Phase.Idle;
        }
    }
}
