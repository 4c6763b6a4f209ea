using System.Runtime.InteropServices;
using System.Text;
using TeraIO.Core;

namespace TeraIO.Distributed.Mpi;

/// <summary>
/// The calls of MPI that are used, found in a loaded Open MPI. Its handles are addresses of objects that it exports (<c>MPI_FLOAT</c> is <c>&amp;ompi_mpi_float</c>), so that no
/// header is needed. Other MPIs have other handles: they are refused for lack of these objects.
/// </summary>
internal sealed unsafe class MpiLibrary
{
    // mpi.h of Open MPI: MPI_SUCCESS, MPI_MAX_ERROR_STRING, MPI_MAX_LIBRARY_VERSION_STRING, MPI_IN_PLACE.
    private const int Success = 0;
    private const int LongestText = 256;
    public const nint InPlace = 1;

    private readonly delegate* unmanaged[Cdecl]<int, byte*, int*, int> _errorString;

    private MpiLibrary(string name, nint library)
    {
        Name = name;
        // The objects first: they say whether this is Open MPI at all.
        World = Export(library, "ompi_mpi_comm_world");
        Float = Export(library, "ompi_mpi_float");
        Byte = Export(library, "ompi_mpi_byte");
        Sum = Export(library, "ompi_mpi_op_sum");
        ErrorsReturn = Export(library, "ompi_mpi_errors_return");
        _errorString = (delegate* unmanaged[Cdecl]<int, byte*, int*, int>)Export(library, "MPI_Error_string");
        Initialized = (delegate* unmanaged[Cdecl]<int*, int>)Export(library, "MPI_Initialized");
        InitThread = (delegate* unmanaged[Cdecl]<int*, byte***, int, int*, int>)Export(library, "MPI_Init_thread");
        QueryThread = (delegate* unmanaged[Cdecl]<int*, int>)Export(library, "MPI_Query_thread");
        Duplicate = (delegate* unmanaged[Cdecl]<nint, nint*, int>)Export(library, "MPI_Comm_dup");
        SetErrorHandler = (delegate* unmanaged[Cdecl]<nint, nint, int>)Export(library, "MPI_Comm_set_errhandler");
        CommunicatorRank = (delegate* unmanaged[Cdecl]<nint, int*, int>)Export(library, "MPI_Comm_rank");
        CommunicatorSize = (delegate* unmanaged[Cdecl]<nint, int*, int>)Export(library, "MPI_Comm_size");
        AllReduce = (delegate* unmanaged[Cdecl]<void*, void*, int, nint, nint, nint, int>)Export(library, "MPI_Allreduce");
        Broadcast = (delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, int>)Export(library, "MPI_Bcast");
        AllGather = (delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, int>)Export(library, "MPI_Allgather");
        Barrier = (delegate* unmanaged[Cdecl]<nint, int>)Export(library, "MPI_Barrier");
        Finalize = (delegate* unmanaged[Cdecl]<int>)Export(library, "MPI_Finalize");
        Abort = (delegate* unmanaged[Cdecl]<nint, int, int>)Export(library, "MPI_Abort");
    }

    /// <summary>As it was loaded.</summary>
    public string Name { get; }

    /// <summary>MPI_COMM_WORLD.</summary>
    public nint World { get; }

    /// <summary>MPI_FLOAT.</summary>
    public nint Float { get; }

    /// <summary>MPI_BYTE.</summary>
    public nint Byte { get; }

    /// <summary>MPI_SUM.</summary>
    public nint Sum { get; }

    /// <summary>MPI_ERRORS_RETURN.</summary>
    public nint ErrorsReturn { get; }

    /// <summary>MPI_Initialized(flag).</summary>
    public delegate* unmanaged[Cdecl]<int*, int> Initialized { get; }

    /// <summary>MPI_Init_thread(argc, argv, required, provided).</summary>
    public delegate* unmanaged[Cdecl]<int*, byte***, int, int*, int> InitThread { get; }

    /// <summary>MPI_Query_thread(provided).</summary>
    public delegate* unmanaged[Cdecl]<int*, int> QueryThread { get; }

    /// <summary>MPI_Comm_dup(communicator, copy).</summary>
    public delegate* unmanaged[Cdecl]<nint, nint*, int> Duplicate { get; }

    /// <summary>MPI_Comm_set_errhandler(communicator, handler).</summary>
    public delegate* unmanaged[Cdecl]<nint, nint, int> SetErrorHandler { get; }

    /// <summary>MPI_Comm_rank(communicator, rank).</summary>
    public delegate* unmanaged[Cdecl]<nint, int*, int> CommunicatorRank { get; }

    /// <summary>MPI_Comm_size(communicator, size).</summary>
    public delegate* unmanaged[Cdecl]<nint, int*, int> CommunicatorSize { get; }

    /// <summary>MPI_Allreduce(send, receive, count, type, operation, communicator).</summary>
    public delegate* unmanaged[Cdecl]<void*, void*, int, nint, nint, nint, int> AllReduce { get; }

    /// <summary>MPI_Bcast(buffer, count, type, root, communicator).</summary>
    public delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, int> Broadcast { get; }

    /// <summary>MPI_Allgather(send, count, type, receive, count of each, type, communicator).</summary>
    public delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, int> AllGather { get; }

    /// <summary>MPI_Barrier(communicator).</summary>
    public delegate* unmanaged[Cdecl]<nint, int> Barrier { get; }

    /// <summary>MPI_Finalize().</summary>
    public delegate* unmanaged[Cdecl]<int> Finalize { get; }

    /// <summary>MPI_Abort(communicator, exit code).</summary>
    public delegate* unmanaged[Cdecl]<nint, int, int> Abort { get; }

    /// <summary>Loads the library; it stays loaded.</summary>
    /// <exception cref="ConfigurationException">It is not there, does not load, or is not Open MPI.</exception>
    public static MpiLibrary Load(Launch launch)
    {
        try
        {
            return new MpiLibrary(launch.Library, NativeLibrary.Load(launch.Library));
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            string named = launch.IsNamed ? $"which {Launch.Variable} names, " : "";
            throw new ConfigurationException(
                $"mpirun started this process, but Open MPI's library {launch.Library}, {named}does not load ({FirstLine(e.Message)}). Install Open MPI (apt-get install openmpi-bin), or name its library in {Launch.Variable}.",
                e);
        }
    }

    /// <summary>Turns a return code into an exception.</summary>
    /// <exception cref="CommunicationException">It is not MPI_SUCCESS.</exception>
    public void Check(int code, string call)
    {
        if (code == Success) return;
        byte* text = stackalloc byte[LongestText + 1];
        int length = 0;
        string reason = _errorString(code, text, &length) == Success ? Encoding.UTF8.GetString(text, Math.Clamp(length, 0, LongestText)) : $"error {code}";
        throw new CommunicationException($"{call} failed: {reason}. The other ranks cannot go on without this one: end all processes and start them again with mpirun.");
    }

    private nint Export(nint library, string symbol) => NativeLibrary.TryGetExport(library, symbol, out nint address)
        ? address
        : throw new ConfigurationException($"{Name} is not a usable Open MPI: it has no {symbol}. Install Open MPI (apt-get install openmpi-bin), or name its library in {Launch.Variable}.");

    private static string FirstLine(string text) => text.Split('\n', 2)[0].TrimEnd('.', ' ');
}
