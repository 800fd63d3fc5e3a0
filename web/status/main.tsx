import "./status.css";
import { start } from "../shared/start.tsx";
import { StatusPage } from "./app.tsx";

start(<StatusPage />);
