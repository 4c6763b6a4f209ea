using TeraIO.Core;
using TeraIO.Distributed.Mpi;

namespace TeraIO.Distributed;

/// <summary>How a process comes to its <see cref="ICommunicator"/>.</summary>
public static class Communicator
{
    private static readonly Lock _lock = new();
    private static ICommunicator? _joined;

    /// <summary>
    /// Joins the processes that <c>mpirun</c> started together with this one; without mpirun this process is alone, and MPI need not be installed. Later calls give the same
    /// object. Thread-safe.
    /// </summary>
    /// <exception cref="ConfigurationException">mpirun started this process, but Open MPI cannot be loaded, or the launcher is of another MPI.</exception>
    /// <exception cref="CommunicationException">MPI does not start.</exception>
    public static ICommunicator Join()
    {
        lock (_lock)
        {
            return _joined ??= Launch.FromEnvironment(Environment.GetEnvironmentVariable) is { } launch ? MpiCommunicator.Start(launch) : new SingleProcess();
        }
    }
}
