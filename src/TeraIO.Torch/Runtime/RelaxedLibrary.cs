using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.Versioning;
using TeraIO.Core;

namespace TeraIO.Torch.Runtime;

/// <summary>A copy of a shared library that loads on a libstdc++ too old for the original.</summary>
/// <param name="Path">Absolute path of the copy.</param>
/// <param name="IsTemporary">
/// The copy lies alone in a fresh directory because the cache could not be written; delete it once loaded.
/// </param>
internal readonly record struct RelaxedCopy(string Path, bool IsTemporary)
{
    /// <summary>Removes a temporary copy; a mapped library needs its file no longer. Does nothing for a cached one.</summary>
    public void DeleteIfTemporary()
    {
        if (IsTemporary)
            Directory.Delete(System.IO.Path.GetDirectoryName(Path)!, recursive: true);
    }
}

/// <summary>
/// Makes a library load without one symbol version that nothing in it really uses, by marking that need weak in a
/// private copy. libLibTorchSharp.so asks for <c>GLIBCXX_3.4.32</c> (libstdc++ of GCC 13.2) only because of
/// <c>std::ios_base_library_init</c>, which no relocation refers to.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class RelaxedLibrary
{
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Returns <paramref name="image"/> with every need of <paramref name="version"/> marked weak.</summary>
    /// <exception cref="InvalidDataException">The image is damaged or has no such need.</exception>
    public static byte[] Relax(ReadOnlySpan<byte> image, string version)
    {
        var relaxed = image.ToArray();
        var marked = 0;
        foreach (var need in ElfVersionNeeds.Read(image))
        {
            if (need.Version != version || need.IsWeak)
                continue;
            var flags = relaxed.AsSpan(need.FlagsOffset, sizeof(ushort));
            var value = BinaryPrimitives.ReadUInt16LittleEndian(flags);
            BinaryPrimitives.WriteUInt16LittleEndian(flags, (ushort)(value | ElfVersionNeeds.WeakFlag));
            marked++;
        }
        return marked > 0 ? relaxed : throw new InvalidDataException($"the library has no strict need of {version}");
    }

    /// <summary>
    /// Prepares the relaxed copy of <paramref name="sourcePath"/> in <paramref name="cacheDirectory"/>, or in a fresh
    /// temporary directory when that cannot be written. The source is only read. Safe against other processes that
    /// do the same: a copy appears under its final name complete or not at all, and is compared before reuse.
    /// </summary>
    /// <exception cref="ConfigurationException">The source is damaged, or no place takes the copy.</exception>
    public static RelaxedCopy Prepare(string sourcePath, string version, string cacheDirectory)
    {
        byte[] relaxed;
        try
        {
            relaxed = Relax(File.ReadAllBytes(sourcePath), version);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"Cannot prepare a copy of {sourcePath} for this system's libstdc++, which lacks {version}: {e.Message}. "
                + "Restore the TorchSharp package again (dotnet restore --force).", e);
        }
        try
        {
            return new RelaxedCopy(StoreInCache(relaxed, Path.GetFileName(sourcePath), cacheDirectory), IsTemporary: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return StoreInTemporaryDirectory(relaxed, Path.GetFileName(sourcePath), e);
        }
    }

    /// <summary>Per-user cache directory by the XDG rules: <c>$XDG_CACHE_HOME/teraio</c> or <c>~/.cache/teraio</c>.</summary>
    public static string DefaultCacheDirectory()
    {
        var xdg = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        // The XDG specification says to ignore relative paths.
        return !string.IsNullOrEmpty(xdg) && Path.IsPathRooted(xdg)
            ? Path.Combine(xdg, "teraio")
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "teraio");
    }

    private static string StoreInCache(byte[] content, string fileName, string cacheDirectory)
    {
        var key = Convert.ToHexStringLower(XxHash128.Hash(content));
        var directory = Path.Combine(cacheDirectory, "relaxed", key);
        var path = Path.Combine(directory, fileName);
        if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(content))
            return path;
        Directory.CreateDirectory(directory, OnlyOwner);
        var temporary = Path.Combine(directory, $".{fileName}.{Environment.ProcessId}.{Path.GetRandomFileName()}");
        try
        {
            Write(temporary, content);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
        return path;
    }

    private static RelaxedCopy StoreInTemporaryDirectory(byte[] content, string fileName, Exception cacheFailure)
    {
        string? directory = null;
        try
        {
            directory = Directory.CreateTempSubdirectory("teraio-").FullName;
            var path = Path.Combine(directory, fileName);
            Write(path, content);
            return new RelaxedCopy(path, IsTemporary: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (directory is not null)
                Directory.Delete(directory, recursive: true);
            throw new ConfigurationException(
                $"Cannot store the copy of {fileName} that this system's libstdc++ needs, neither in the cache "
                + $"({cacheFailure.Message}) nor in {Path.GetTempPath()} ({e.Message}). "
                + "Set XDG_CACHE_HOME to a writable directory with a few MiB of space.", e);
        }
    }

    private static void Write(string path, byte[] content)
    {
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        file.Write(content);
        file.Flush(flushToDisk: true);
    }
}
