namespace TeraIO.Cli.Doctor;

/// <summary>What cannot be read but has to be tried. No trial throws or leaves anything behind.</summary>
internal interface IMachineTrials
{
    /// <summary>Every backend of the storage library.</summary>
    IReadOnlyList<BackendTrial> Backends();

    /// <summary>Has the first GPU compute checksums of its memory and compares them with the CPU's: what a session does when it begins.</summary>
    /// <returns>Why there are none; empty when they agree.</returns>
    string WhyNoDeviceChecksums();

    /// <summary>Writes 1 MiB of random bytes into a file of its own in the directory past the page cache, and compares them with what it reads back.</summary>
    DirectIoTrial DirectIo(string directory);

    /// <summary>Whether the dynamic linker finds and loads a library.</summary>
    LibraryTrial Load(string library);
}
