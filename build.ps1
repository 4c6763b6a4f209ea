# ./build.ps1 help. Twin of build.sh: the steps themselves are in build/build.proj and build/*.sh.
param([string]$Command = 'help', [Parameter(ValueFromRemainingArguments)][string[]]$Rest = @())
$ErrorActionPreference = 'Stop'
Set-Location $PSScriptRoot
# Reused build nodes would outlive the script and keep a CI runner's pipe open.
$env:DOTNET_CLI_TELEMETRY_OPTOUT = $env:DOTNET_NOLOGO = $env:MSBUILDDISABLENODEREUSE = '1'
$env:DOTNET_CLI_USE_MSBUILD_SERVER = '0'

function Step([string]$Target) {
    dotnet msbuild build/build.proj -nologo -v:minimal -tl:off -clp:NoSummary "-t:$Target"
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}

if ($Command -eq 'help') { Get-Content build/help.txt; exit 0 }
bash build/prerequisites.sh install $Command
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
switch ($Command) {
    { $_ -in 'build', 'lint', 'format', 'clean' } { Step $Command }
    { $_ -in 'test', 'sanitizers' } {
        Remove-Item artifacts/tests/summary.txt -ErrorAction SilentlyContinue
        try { Step $Command } finally { Get-Content artifacts/tests/summary.txt -ErrorAction SilentlyContinue }
    }
    'train' { Step build; bash build/train.sh @Rest; exit $LASTEXITCODE }
    'bench' { Step bench; bash bench/run.sh @Rest; exit $LASTEXITCODE }
    default { [Console]::Error.WriteLine("build.ps1: unknown command '$Command'; ./build.ps1 help lists them."); exit 2 }
}
