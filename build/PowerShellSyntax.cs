// Checks the syntax of PowerShell scripts with PowerShell's own parser: dotnet run build/PowerShellSyntax.cs -- FILE...
// There is no PowerShell in Debian's archive; its parser is on NuGet.
#:package System.Management.Automation@7.6.9
#:property ManagePackageVersionsCentrally=false
#:property PublishAot=false
#:property EnforceCodeStyleInBuild=false
using System.Management.Automation.Language;

int found = 0;
foreach (string file in args)
{
    Parser.ParseFile(file, out _, out ParseError[] errors);
    foreach (ParseError error in errors)
    {
        found++;
        Console.WriteLine($"{file}({error.Extent.StartLineNumber},{error.Extent.StartColumnNumber}): error {error.ErrorId}: {error.Message}");
    }
}

return found == 0 ? 0 : 1;
