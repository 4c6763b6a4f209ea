using System.Diagnostics;

namespace TeraIO.Core.Tests.Storage;

/// <summary>A tmpfs of its own for one test; the test is ignored where mounting is not allowed.</summary>
internal sealed class TemporaryMount : IDisposable
{
    private TemporaryMount(string path) => Path = path;

    public string Path { get; }

    public static TemporaryMount Tmpfs(string options)
    {
        var path = Directory.CreateTempSubdirectory("teraio-mount-tests-").FullName;
        if (Run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path) is { } reason)
        {
            Directory.Delete(path);
            Assert.Ignore($"a tmpfs cannot be mounted here: {reason}");
        }
        return new TemporaryMount(path);
    }

    public void Dispose()
    {
        if (Run("umount", Path) is { } reason)
            throw new InvalidOperationException($"{Path} is still in use: {reason}");
        Directory.Delete(Path);
    }

    private static string? Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : error;
    }
}
