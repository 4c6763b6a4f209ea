using System.Globalization;
using TeraIO.Core;

namespace TeraIO.Distributed.Mpi;

/// <summary>What the launcher told this process. Immutable.</summary>
/// <param name="Library">The MPI library to load: a file, or a name for the dynamic linker.</param>
/// <param name="IsNamed"><see cref="Variable"/> named it.</param>
internal sealed record Launch(string Library, bool IsNamed)
{
    /// <summary>Names the MPI library in place of <see cref="DefaultLibrary"/>.</summary>
    public const string Variable = "TERAIO_MPI_LIBRARY";

    /// <summary>Open MPI 2 to 5 have this name; MPICH's library has another.</summary>
    public const string DefaultLibrary = "libmpi.so.40";

    // Open MPI's mpirun sets the first; Slurm's srun with --mpi=pmix only the second, from which Open MPI reads all it needs.
    private static readonly string[] _openMpi = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK"];

    // MPICH's, Intel's and srun's older interface.
    private const string OtherLaunchers = "PMI_SIZE";

    /// <summary>Null when no launcher started this process.</summary>
    /// <exception cref="ConfigurationException">A launcher of another MPI did.</exception>
    public static Launch? FromEnvironment(Func<string, string?> variable)
    {
        if (Array.Exists(_openMpi, name => variable(name) is { Length: > 0 }))
            return variable(Variable) is { Length: > 0 } library ? new Launch(library, IsNamed: true) : new Launch(DefaultLibrary, IsNamed: false);
        // Alone it would train the whole batch, and so would every other rank.
        if (int.TryParse(variable(OtherLaunchers), NumberStyles.None, CultureInfo.InvariantCulture, out int size) && size > 1)
        {
            throw new ConfigurationException(
                $"This process is one of {size} that a launcher other than Open MPI's started ({OtherLaunchers} is set, {_openMpi[0]} is not): start it with Open MPI's mpirun (apt-get install openmpi-bin), or with srun --mpi=pmix.");
        }

        return null;
    }
}
