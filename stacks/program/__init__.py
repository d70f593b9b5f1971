"""The only Pulumi program: `build` declares one app's factory in one environment, for both doors.

`pulumi up` runs it through `__main__`, the driver calls `build.build` in process. Importing this package is cheap.
"""
