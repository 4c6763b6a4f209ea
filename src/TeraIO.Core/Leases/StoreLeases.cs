using System.Globalization;
using Microsoft.Extensions.Logging;
using TeraIO.Core.Interop;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Leases;

/// <summary>The leases of one store: a membership and two clients per device, or one client for the whole node.</summary>
internal sealed class StoreLeases : IDisposable
{
    private const int ReadQueue = 0;
    private const int WriteQueue = 1;
    private const int ProbeQueue = 2;
    private const int NodeQueue = 0;

    private readonly LeaseOptions _options;
    private readonly ILogger _logger;
    private readonly Dictionary<(uint Major, uint Minor), Device> _devices = [];
    private LeaseFile? _node;
    private LeaseClient? _nodeClient;

    private sealed record Device(LeaseFile File, LeaseClient? Reads, LeaseClient? Writes);

    private StoreLeases(LeaseOptions options, ILogger logger)
    {
        _options = options;
        _logger = logger;
    }

    public IReadOnlyList<LeaseStatistics> Statistics =>
        [.. Clients().Select(static client => client.Statistics)];

    /// <summary>Stores of the most shared device that are open now on this node, this one included.</summary>
    /// <exception cref="IOException">The kernel refuses to say.</exception>
    public int SharingStores => _devices.Values.Max(static device => device.File.CountMembers());

    /// <summary>Becomes a member of the devices of all paths.</summary>
    /// <exception cref="ConfigurationException">An option, a path or the directory of lock files is unusable. Nothing is left behind.</exception>
    public static StoreLeases Open(LeaseOptions options, IReadOnlyList<string> paths, ILogger logger)
    {
        options.Validate();
        var leases = new StoreLeases(options, logger);
        try
        {
            if (options.Mode == LeaseMode.Global)
            {
                leases._node = leases.Join("node", options.Slots);
                leases._nodeClient = leases.Client(leases._node, NodeQueue, "node");
            }

            foreach (string path in paths) leases.Add(path);
            return leases;
        }
        catch
        {
            leases.Dispose();
            throw;
        }
    }

    /// <summary>Puts the leases of the path's device in front of a backend, which is owned by what is returned.</summary>
    public ITransferBackend Decorate(ITransferBackend backend, string path)
    {
        Device device = _devices[DeviceOf(path)];
        return _options.Mode switch
        {
            LeaseMode.None => backend,
            LeaseMode.Global => new LeasedBackend(backend, _nodeClient!, _nodeClient!),
            _ => new LeasedBackend(backend, device.Reads!, device.Writes!),
        };
    }

    /// <summary>
    /// Waits until no other store measures one of these devices; the turn ends with what is returned. Others may transfer meanwhile.
    /// </summary>
    /// <exception cref="IOException">The kernel refuses.</exception>
    public IDisposable AwaitProbeTurn()
    {
        var turn = new ProbeTurn();
        // In one order everywhere: two stores with the same devices never wait for each other.
        foreach (((uint, uint) _, Device device) in _devices.OrderBy(static device => device.Key))
        {
            var queue = new LeaseQueue(device.File, ProbeQueue);
            long ticket = queue.Enter();
            turn.Add(queue, ticket);
            queue.Wait(ticket);
        }

        return turn;
    }

    /// <summary>After the last backend.</summary>
    public void Dispose()
    {
        foreach (LeaseClient client in Clients()) client.Dispose();
        foreach (Device device in _devices.Values) device.File.Dispose();
        _node?.Dispose();
    }

    private static (uint Major, uint Minor) DeviceOf(string path)
    {
        try
        {
            NativeMethods.OfdLocks.FileStatus status = NativeMethods.OfdLocks.StatusOf(path);
            return (status.DeviceMajor, status.DeviceMinor);
        }
        catch (IOException e)
        {
            throw new ConfigurationException($"The store path {path} does not exist or cannot be examined: {e.Message} Create the directory (mkdir -p) or choose another.", e) { Path = path };
        }
    }

    private void Add(string path)
    {
        (uint major, uint minor) = DeviceOf(path);
        if (_devices.ContainsKey((major, minor))) return;
        LeaseFile file = Join(string.Create(CultureInfo.InvariantCulture, $"{major}-{minor}"), _options.Slots);
        bool hasClients = _options.Mode == LeaseMode.PerPath;
        _devices.Add((major, minor), new Device(
            file,
            hasClients ? Client(file, ReadQueue, $"{path} reads") : null,
            hasClients ? Client(file, WriteQueue, $"{path} writes") : null));
    }

    private LeaseFile Join(string device, int slots) => LeaseFile.Join(
        Path.Combine(_options.Directory, string.Create(CultureInfo.InvariantCulture, $"teraio-leases-{NativeMethods.OfdLocks.EffectiveUser()}-{device}")), slots);

    private LeaseClient Client(LeaseFile file, int queue, string name) => new(new LeaseQueue(file, queue), name, _options.BytesPerLease.Bytes, _logger);

    private IEnumerable<LeaseClient> Clients()
    {
        if (_nodeClient is not null) yield return _nodeClient;
        foreach (Device device in _devices.Values)
        {
            if (device.Reads is not null) yield return device.Reads;
            if (device.Writes is not null) yield return device.Writes;
        }
    }

    private sealed class ProbeTurn : IDisposable
    {
        private readonly List<(LeaseQueue Queue, long Ticket)> _held = [];

        public void Add(LeaseQueue queue, long ticket) => _held.Add((queue, ticket));

        public void Dispose()
        {
            foreach ((LeaseQueue queue, long ticket) in _held) queue.Leave(ticket);
        }
    }
}
